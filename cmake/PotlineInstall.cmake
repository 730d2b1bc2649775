# What an installation has: the binary, its plugins, the headers, and what CMake and pkg-config need to find them.
include(CMakePackageConfigHelpers)

install(TARGETS potline libpotline potline_sdk EXPORT potlineTargets RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY engine/include/potline DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY schemas DESTINATION ${CMAKE_INSTALL_DATADIR}/potline)
install(DIRECTORY lua DESTINATION ${CMAKE_INSTALL_DATADIR}/potline PATTERN bench EXCLUDE)
install(DIRECTORY tools/plugin-template DESTINATION ${CMAKE_INSTALL_DATADIR}/potline)
install(DIRECTORY build/dashboard DESTINATION ${CMAKE_INSTALL_DATADIR}/potline OPTIONAL) # tools/setup builds it

# Pages of the manual, completion, and the service.
foreach(section 1 7)
  file(GLOB pages CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/docs/man/*.${section})
  install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()
set(completion ${CMAKE_BINARY_DIR}/completion)
file(MAKE_DIRECTORY ${completion})
add_custom_command(OUTPUT ${completion}/potline ${completion}/_potline ${completion}/potline.fish
  COMMAND potline completion bash > ${completion}/potline
  COMMAND potline completion zsh > ${completion}/_potline
  COMMAND potline completion fish > ${completion}/potline.fish
  DEPENDS potline VERBATIM)
add_custom_target(completion ALL DEPENDS ${completion}/potline)
install(FILES ${completion}/potline DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${completion}/_potline DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${completion}/potline.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
file(READ tools/systemd/potline@.service unit)
string(REPLACE /usr/bin/potline ${CMAKE_INSTALL_FULL_BINDIR}/potline unit "${unit}")
file(WRITE ${CMAKE_BINARY_DIR}/potline@.service "${unit}")
install(FILES ${CMAKE_BINARY_DIR}/potline@.service DESTINATION lib/systemd/system)

# The build tree has the library, the template and the dashboard where an installation has them (engine/cli/share.c).
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/share/potline)
file(CREATE_LINK ${CMAKE_SOURCE_DIR}/lua ${CMAKE_BINARY_DIR}/share/potline/lua SYMBOLIC)
file(CREATE_LINK ${CMAKE_SOURCE_DIR}/tools/plugin-template ${CMAKE_BINARY_DIR}/share/potline/plugin-template SYMBOLIC)
file(CREATE_LINK ${CMAKE_SOURCE_DIR}/build/dashboard ${CMAKE_BINARY_DIR}/share/potline/dashboard SYMBOLIC)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/potline)
set_target_properties(potline_sdk PROPERTIES EXPORT_NAME sdk)
install(EXPORT potlineTargets NAMESPACE potline:: DESTINATION ${package_dir})
configure_package_config_file(cmake/potlineConfig.cmake.in potlineConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(potlineConfigVersion.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_BINARY_DIR}/potlineConfig.cmake ${CMAKE_BINARY_DIR}/potlineConfigVersion.cmake
  cmake/PotlinePlugin.cmake DESTINATION ${package_dir})

# And the build tree, for plugins that are built against it (CMAKE_PREFIX_PATH or PKG_CONFIG_PATH names it).
export(EXPORT potlineTargets NAMESPACE potline:: FILE ${CMAKE_BINARY_DIR}/potlineTargets.cmake)
configure_file(cmake/PotlinePlugin.cmake PotlinePlugin.cmake COPYONLY)

# pkg-config: paths relative to the .pc file, so that an installation can be moved. It prefers NAME-uninstalled.pc, which
# only the build tree has.
file(RELATIVE_PATH PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
set(PC_PREFIX "\${pcfiledir}/${PC_PREFIX}")
set(PC_BIN "\${prefix}/${CMAKE_INSTALL_BINDIR}")
set(PC_INCLUDE "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
set(PC_LIB "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
configure_file(cmake/potline.pc.in potline.pc @ONLY)
configure_file(cmake/potline-harness.pc.in potline-harness.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/potline.pc ${CMAKE_BINARY_DIR}/potline-harness.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
set(PC_PREFIX "\${pcfiledir}")
set(PC_BIN "\${prefix}/bin")
set(PC_INCLUDE ${CMAKE_SOURCE_DIR}/engine/include)
set(PC_LIB "\${prefix}/lib")
configure_file(cmake/potline.pc.in potline-uninstalled.pc @ONLY)
configure_file(cmake/potline-harness.pc.in potline-harness-uninstalled.pc @ONLY)
