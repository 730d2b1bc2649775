# potline_add_plugin(NAME SOURCES files... [LINK libraries...]): a plugin of operators, libNAME.so. The same function
# serves the engine's own operators and, from the installed package, those of others.
function(potline_add_plugin name)
  cmake_parse_arguments(P "" "" "SOURCES;LINK" ${ARGN})
  add_library(potline_${name} MODULE ${P_SOURCES})
  target_link_libraries(potline_${name} PRIVATE potline::sdk ${P_LINK})
  set_target_properties(potline_${name} PROPERTIES OUTPUT_NAME ${name} C_VISIBILITY_PRESET hidden)
  set_property(GLOBAL APPEND PROPERTY POTLINE_PLUGINS potline_${name})
  if(POTLINE_PLUGIN_OUTPUT_DIRECTORY)
    set_target_properties(potline_${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${POTLINE_PLUGIN_OUTPUT_DIRECTORY})
    install(TARGETS potline_${name} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/potline)
  endif()
endfunction()
