# What `cmake --install` lays down: headers, both libraries, pkg-config and
# CMake files, manual pages.
include(CMakePackageConfigHelpers)

set(cmakedir "${CMAKE_INSTALL_LIBDIR}/cmake/securestate")

# Two sets of targets: who links the shared library needs no libsodium-dev.
install(TARGETS securestate EXPORT securestateTargets)
install(TARGETS securestate_static EXPORT securestateStaticTargets)
foreach(set IN ITEMS Targets StaticTargets)
  install(EXPORT securestate${set} NAMESPACE securestate::
    DESTINATION "${cmakedir}")
endforeach()

install(FILES include/securestate.h TYPE INCLUDE)
install(FILES include/securestate/cgi.h include/securestate/store.h
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/securestate")

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

file(GLOB pages CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/man/*.[1-8]")
foreach(page IN LISTS pages)
  string(REGEX MATCH "[1-8]$" section "${page}")
  install(FILES "${page}" DESTINATION "${CMAKE_INSTALL_MANDIR}/man${section}")
endforeach()
