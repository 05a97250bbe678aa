# The store drivers: drivers/NAME.c and drivers/NAME_*.c, each a module that
# is loaded when a URI asks for it, or linked in.  None is needed by the core;
# one whose client library is not there is left out, and that is said.

# NAME: what pkg-config calls the client libraries.
set(SSTATE_NEEDS_sqlite sqlite3)
set(SSTATE_NEEDS_lmdb lmdb)
set(SSTATE_NEEDS_redis hiredis)
set(SSTATE_NEEDS_pgsql libpq)
set(SSTATE_NEEDS_mysql libmariadb)
set(SSTATE_NEEDS_memcached libmemcached)
set(SSTATE_NEEDS_dynamodb libcurl jansson)
# Schemes besides its name: tables of the same module, by another file.
set(SSTATE_ALSO_redis rediss)
set(all sqlite lmdb redis pgsql mysql memcached dynamodb)

set(SSTATE_DRIVERS "${all}" CACHE STRING "store drivers to build if they can be")
set(SSTATE_STATIC_DRIVERS "" CACHE STRING "those of them to link in")
set(SSTATE_DRIVER_DIR "${CMAKE_INSTALL_FULL_LIBDIR}/securestate" CACHE STRING
  "where drivers are looked for; empty: none is loaded")

# driver_NAME is its objects.
set(built "")
set(left "")
foreach(name IN LISTS SSTATE_DRIVERS)
  file(GLOB sources CONFIGURE_DEPENDS
    "${PROJECT_SOURCE_DIR}/drivers/${name}.c"
    "${PROJECT_SOURCE_DIR}/drivers/${name}_*.c")
  if(NOT sources)
    continue()
  endif()
  pkg_check_modules(SSTATE_${name} QUIET IMPORTED_TARGET
    ${SSTATE_NEEDS_${name}})
  if(NOT SSTATE_${name}_FOUND)
    string(REPLACE ";" " " needs "${SSTATE_NEEDS_${name}}")
    list(APPEND left "${name} (no ${needs})")
    continue()
  endif()
  list(APPEND built ${name})
  add_library(driver_${name} OBJECT ${sources})
  set_target_properties(driver_${name} PROPERTIES
    POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden)
  target_include_directories(driver_${name} PRIVATE
    "${PROJECT_SOURCE_DIR}/include")
  target_link_libraries(driver_${name} PUBLIC PkgConfig::SSTATE_${name})
endforeach()

# What a static program links besides: for pkg-config and CMake files.
set(SSTATE_PRIVATE_MODULES libsodium)
set(SSTATE_DRIVERS_DECLARED "")
set(SSTATE_DRIVERS_LISTED "")
foreach(name IN LISTS SSTATE_STATIC_DRIVERS)
  if(NOT name IN_LIST built)
    message(FATAL_ERROR "securestate: the driver ${name} cannot be built")
  endif()
  list(APPEND SSTATE_PRIVATE_MODULES ${SSTATE_NEEDS_${name}})
  foreach(scheme IN ITEMS ${name} ${SSTATE_ALSO_${name}})
    string(APPEND SSTATE_DRIVERS_DECLARED "DRIVER(${scheme})\n")
    string(APPEND SSTATE_DRIVERS_LISTED "\t&sstate_driver_v1_${scheme},\n")
  endforeach()
endforeach()
set(SSTATE_PLUGIN_FOLDER "${SSTATE_DRIVER_DIR}")
configure_file(cmake/builtin.c.in builtin.c @ONLY)

# Called once the libraries are there.
macro(sstate_driver_modules)
  foreach(name IN LISTS built)
    if(name IN_LIST SSTATE_STATIC_DRIVERS)
      continue()
    endif()
    foreach(scheme IN ITEMS ${name} ${SSTATE_ALSO_${name}})
      add_library(driver-${scheme} MODULE $<TARGET_OBJECTS:driver_${name}>)
      set_target_properties(driver-${scheme} PROPERTIES PREFIX ""
        LINKER_LANGUAGE C
        LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/drivers")
      target_link_options(driver-${scheme} PRIVATE ${SSTATE_NO_UNDEFINED})
      target_link_libraries(driver-${scheme} PRIVATE securestate
        PkgConfig::SSTATE_${name})
      install(TARGETS driver-${scheme}
        DESTINATION "${CMAKE_INSTALL_LIBDIR}/securestate")
    endforeach()
  endforeach()
endmacro()

string(REPLACE ";" ", " told "${built}")
if(NOT built)
  set(told "none: file and memory are part of the library")
endif()
message(STATUS "securestate: store drivers built: ${told}")
if(left)
  string(REPLACE ";" ", " told "${left}")
  message(STATUS "securestate: store drivers left out: ${told}")
endif()
