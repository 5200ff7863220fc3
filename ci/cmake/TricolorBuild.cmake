# Flags, sanitizers and the few functions that the lists in collectors/, harness/ and fuzz/ are written in.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON) # statement-free GNU builtins only; see include/tricolor/compiler.h
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

set(TRICOLOR_SANITIZE "" CACHE STRING "Sanitizers for everything, e.g. address;undefined or thread")
option(TRICOLOR_WERROR "Warnings are errors" OFF)

add_compile_options(-Wall -Wextra $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes> -Wundef -Wvla
  -fvisibility=hidden -fno-strict-aliasing -fno-omit-frame-pointer)
if(TRICOLOR_WERROR)
  add_compile_options(-Werror)
endif()
if(TRICOLOR_SANITIZE)
  string(REPLACE ";" "," _sanitize "${TRICOLOR_SANITIZE}")
  add_compile_options(-fsanitize=${_sanitize} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${_sanitize})
endif()

find_package(Threads REQUIRED)

# Every actor-dependent library exists in two forms: `threads` (real threads: timing, ThreadSanitizer) and
# `fibers` (all actors on one OS thread, scheduled by a tape: fuzzing, replay).
set(TRICOLOR_FORMS threads fibers)
set(TRICOLOR_FORM_DEFINITIONS_threads TRI_FIBERS=0)
set(TRICOLOR_FORM_DEFINITIONS_fibers TRI_FIBERS=1)

# tri_not_with_engine(<target>): a test program, which a build with a fuzzing engine leaves out (the fibers form is
# instrumented for the engine's own main there).
function(tri_not_with_engine target)
  if(NOT TRICOLOR_FUZZ_ENGINE STREQUAL replay)
    set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL ON)
  endif()
endfunction()

# tri_add_test(<name> [LABEL quick|medium|long] [TIMEOUT s] SOURCES a.c … [LIBS …] [ARGS …] [FORMS threads fibers])
# A test program; exit status 0 passes. Run with no arguments unless ARGS are given. With two FORMS the test
# is built and run once in each (the fibers one is called <name>.fibers); the default form is threads.
# Exit status 77 means skipped. A build with a fuzzing engine knows the unit tests but does not build them: it runs
# `ctest -L fuzz`.
function(tri_add_test name)
  cmake_parse_arguments(T "" "LABEL;TIMEOUT" "SOURCES;LIBS;ARGS;FORMS" ${ARGN})
  if(NOT T_LABEL)
    set(T_LABEL quick)
  endif()
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 60)
  endif()
  if(NOT T_FORMS)
    set(T_FORMS threads)
  endif()
  foreach(form IN LISTS T_FORMS)
    set(target ${name})
    if(form STREQUAL fibers)
      set(target ${name}.fibers)
    endif()
    add_executable(test.${target} ${T_SOURCES})
    target_link_libraries(test.${target} PRIVATE ${T_LIBS} tricolor-common-${form})
    tri_not_with_engine(test.${target})
    add_test(NAME ${target} COMMAND test.${target} ${T_ARGS})
    set_tests_properties(${target} PROPERTIES LABELS ${T_LABEL} TIMEOUT ${T_TIMEOUT} SKIP_RETURN_CODE 77)
  endforeach()
endfunction()
