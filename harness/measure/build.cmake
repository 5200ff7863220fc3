# Writes OUTPUT, the header that says what was built. Run at build time, because a commit needs no configuring;
# the file keeps its date when nothing changed.
execute_process(COMMAND git -C ${SOURCE} rev-parse HEAD
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT [[
// Written by build.cmake.
#define TRI_BUILD_COMMIT "@commit@"
#define TRI_BUILD_COMPILER "@COMPILER@"
#define TRI_BUILD_TYPE "@TYPE@"
#define TRI_BUILD_SANITIZERS "@SANITIZERS@"
#define TRI_BUILD_VERSION "@VERSION@"
]])
