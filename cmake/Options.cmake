# What a user may choose.  The defaults are those of a package.
option(BUILD_TESTING "build the tests" "${PROJECT_IS_TOP_LEVEL}")
option(SSTATE_EXAMPLES "build the examples" "${PROJECT_IS_TOP_LEVEL}")
option(SSTATE_TOOL "build the command securestate" ON)
option(SSTATE_BENCH "build the benchmark's programs (make bench)" OFF)
option(SSTATE_WERROR "a warning stops the build (ours, never a user's)" OFF)
option(SSTATE_HARDENING "compiler and linker hardening" ON)
option(SSTATE_HEAP "sessions in malloc's memory, for what checks that" OFF)
set(SSTATE_TEST_TIMEOUT 600 CACHE STRING "seconds that one test may take")
set(SSTATE_SANITIZE "" CACHE STRING
  "sanitizers: address,undefined or thread; empty for none")

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE
    AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "kind of build" FORCE)
endif()

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
add_compile_definitions(_GNU_SOURCE)
