# What `cmake --install` lays down: headers, both libraries, the command,
# pkg-config and CMake files, manual pages, files to deploy a program with,
# and a driver to be copied.
include(CMakePackageConfigHelpers)

set(cmakedir "${CMAKE_INSTALL_LIBDIR}/cmake/securestate")

if(SSTATE_TOOL)
  install(TARGETS securestate_tool
    DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()
install(FILES drivers/TEMPLATE.c DESTINATION "${CMAKE_INSTALL_DOCDIR}")

# Two sets of targets: who links the shared library needs no libsodium-dev.
install(TARGETS securestate EXPORT securestateTargets)
install(TARGETS securestate_static EXPORT securestateStaticTargets)
foreach(set IN ITEMS Targets StaticTargets)
  install(EXPORT securestate${set} NAMESPACE securestate::
    DESTINATION "${cmakedir}")
endforeach()

install(FILES include/securestate.h TYPE INCLUDE)
install(FILES include/securestate/cgi.h include/securestate/conform.h
  include/securestate/kv.h include/securestate/store.h
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/securestate")

# What static drivers need, as the targets that the static library names.
set(SSTATE_FIND_PRIVATE "")
foreach(name IN LISTS SSTATE_STATIC_DRIVERS)
  string(REPLACE ";" " " needs "${SSTATE_NEEDS_${name}}")
  string(APPEND SSTATE_FIND_PRIVATE
    "  pkg_check_modules(SSTATE_${name} QUIET IMPORTED_TARGET ${needs})\n")
endforeach()
string(REPLACE ";" " " SSTATE_PRIVATE_PC "${SSTATE_PRIVATE_MODULES}")

configure_package_config_file(cmake/securestateConfig.cmake.in
  securestateConfig.cmake INSTALL_DESTINATION "${cmakedir}")
write_basic_package_version_file(securestateConfigVersion.cmake
  COMPATIBILITY SameMajorVersion)
install(FILES "${PROJECT_BINARY_DIR}/securestateConfig.cmake"
  "${PROJECT_BINARY_DIR}/securestateConfigVersion.cmake"
  DESTINATION "${cmakedir}")

configure_file(cmake/securestate.pc.in securestate.pc @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/securestate.pc"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

# A page is found under every name of its NAME section: what is not the
# file's own name gets a stub that leads there.
file(GLOB pages CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/man/*.[1-8]")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${pages})
foreach(page IN LISTS pages)
  get_filename_component(file "${page}" NAME)
  string(REGEX MATCH "[1-8]$" section "${file}")
  set(installed "${page}")
  file(STRINGS "${page}" lines REGEX "^\\.N[dm] ")
  foreach(line IN LISTS lines)
    if(NOT line MATCHES "^\\.Nm ([A-Za-z0-9_-]+)")
      break() # .Nd ends the names
    endif()
    if(NOT file STREQUAL "${CMAKE_MATCH_1}.${section}")
      set(stub "${PROJECT_BINARY_DIR}/man/${CMAKE_MATCH_1}.${section}")
      file(CONFIGURE OUTPUT "${stub}" CONTENT ".so man${section}/${file}\n")
      list(APPEND installed "${stub}")
    endif()
  endforeach()
  install(FILES ${installed}
    DESTINATION "${CMAKE_INSTALL_MANDIR}/man${section}")
endforeach()

install(DIRECTORY deploy DESTINATION "${CMAKE_INSTALL_DOCDIR}")
