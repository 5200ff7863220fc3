# The engine that drives the fuzz targets:
#   replay      a plain main that replays files; any compiler (the default)
#   libfuzzer   clang with -fsanitize=fuzzer
#   afl         afl-clang-fast, whose driver runs libFuzzer targets in persistent mode
# LIB_FUZZING_ENGINE, where the environment has it, is linked instead: a library or a linker flag.
set(TRICOLOR_FUZZ_ENGINE replay CACHE STRING "replay, libfuzzer or afl")
set_property(CACHE TRICOLOR_FUZZ_ENGINE PROPERTY STRINGS replay libfuzzer afl)
if(NOT TRICOLOR_FUZZ_ENGINE MATCHES "^(replay|libfuzzer|afl)$")
  message(FATAL_ERROR "TRICOLOR_FUZZ_ENGINE=${TRICOLOR_FUZZ_ENGINE}: right would be replay, libfuzzer or afl")
endif()

# Coverage for the engine in the form that fuzz targets link; afl-clang-fast sees to it by itself. Edges only: a
# total byte code has no magic values, and tracing comparisons (part of -fsanitize-coverage=inline-8bit-counters,pc-table) took a third of
# the time.
set(TRICOLOR_FORM_OPTIONS_fibers "")
if(TRICOLOR_FUZZ_ENGINE STREQUAL libfuzzer)
  set(TRICOLOR_FORM_OPTIONS_fibers -fsanitize-coverage=inline-8bit-counters,pc-table
    -fsanitize-coverage-ignorelist=${CMAKE_SOURCE_DIR}/ci/cmake/no-coverage.txt)
endif()

# Bytes of a program that engines try. Longer ones cost time and reach nothing new.
set(TRICOLOR_FUZZ_MAX_LEN 512)

# What targets/fuzz_program.c uses, but for the collectors.
set(TRICOLOR_FUZZ_PROGRAM_LIBS tricolor-account tricolor-checked-fibers)

# tri_add_fuzz_target(<name> <collector> <sources …>)
# With an engine also <name>.options beside it, which says what a run should be given; tricolor.dict lies there, too.
function(tri_add_fuzz_target name collector)
  add_executable(${name} ${ARGN})
  target_compile_definitions(${name} PRIVATE FUZZ_COLLECTOR="${collector}")
  target_link_libraries(${name} PRIVATE ${TRICOLOR_FUZZ_PROGRAM_LIBS} tricolor-collectors-fibers)
  tri_link_fuzz_engine(${name})
endfunction()

# tri_link_fuzz_engine(<name>): what drives a program that defines LLVMFuzzerTestOneInput.
function(tri_link_fuzz_engine name)
  if(NOT TRICOLOR_FUZZ_ENGINE STREQUAL replay OR DEFINED ENV{LIB_FUZZING_ENGINE})
    target_sources(${name} PRIVATE $<TARGET_OBJECTS:tricolor-mutate-libfuzzer>)
    target_link_libraries(${name} PRIVATE tricolor-mutate tricolor-program-fibers)
    file(GENERATE OUTPUT $<TARGET_FILE_DIR:${name}>/${name}.options
      CONTENT "[libfuzzer]\nmax_len = ${TRICOLOR_FUZZ_MAX_LEN}\ndict = tricolor.dict\n")
  endif()
  if(DEFINED ENV{LIB_FUZZING_ENGINE})
    set_target_properties(${name} PROPERTIES LINKER_LANGUAGE CXX)
    target_link_libraries(${name} PRIVATE $ENV{LIB_FUZZING_ENGINE})
  elseif(TRICOLOR_FUZZ_ENGINE STREQUAL replay)
    target_link_libraries(${name} PRIVATE tricolor-fuzz-replay)
  else()
    set_target_properties(${name} PROPERTIES LINKER_LANGUAGE CXX)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  endif()
endfunction()
