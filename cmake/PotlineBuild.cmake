# Compiler settings of the whole tree, and the functions its folders use.

include(PotlinePlugin)

option(POTLINE_COVERAGE "Count which lines run" OFF)
option(POTLINE_FUZZ "Build the fuzz targets (clang)" OFF)
set(POTLINE_PATIENCE 1 CACHE STRING "How many times as long as usual a test may take: long forms need it")
set(POTLINE_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them")

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O3 -g")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O3 -g")
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(POTLINE_PLUGIN_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/potline)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD) # each of some hundred test programs has all of the engine in it
  add_link_options(-fuse-ld=mold)
endif()

add_compile_definitions(_GNU_SOURCE)
add_compile_options(-Wall -Wextra -Wpedantic -Werror -Wshadow -Wvla -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
add_compile_options($<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes> $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>)
if(POTLINE_SANITIZE)
  add_compile_options(-fsanitize=${POTLINE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${POTLINE_SANITIZE})
endif()
if(POTLINE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
  add_link_options(-fsanitize=fuzzer-no-link)
endif()
if(POTLINE_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

# Tests that start Kafka brokers have the label broker. They take longest, so they begin first; one at a time, for each
# broker's Java machine is as busy as all else.
function(potline_note_broker name)
  if(name MATCHES "^(integration_kafka.*|fault_group.*|log_conformance_kafka|log_kafka_group)$")
    set_property(TEST ${name} APPEND PROPERTY LABELS broker)
    set_tests_properties(${name} PROPERTIES RESOURCE_LOCK broker COST 1000)
  endif()
endfunction()

# potline_test(NAME SOURCES... [LABEL unit] [TIMEOUT 60] [LINK libs...]): a cmocka program with the engine's internals visible.
function(potline_test name)
  cmake_parse_arguments(T "" "LABEL;TIMEOUT" "SOURCES;LINK" ${ARGN})
  if(NOT T_LABEL)
    set(T_LABEL unit)
  endif()
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 300) # against hanging for ever; sanitizers on a busy machine take their time
  endif()
  math(EXPR T_TIMEOUT "${T_TIMEOUT} * ${POTLINE_PATIENCE}")
  add_executable(${name} ${T_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests ENABLE_EXPORTS ON
    LINKER_LANGUAGE CXX) # for the shims among the objects
  target_link_libraries(${name} PRIVATE potline_internal cmocka ${T_LINK})
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES LABELS ${T_LABEL} TIMEOUT ${T_TIMEOUT} SKIP_RETURN_CODE 77
    ENVIRONMENT "POTLINE_PLUGIN_PATH=${POTLINE_PLUGIN_OUTPUT_DIRECTORY};CMOCKA_MESSAGE_OUTPUT=STDOUT;POTLINE_HTTP=off")
  potline_note_broker(${name})
endfunction()

# potline_script_test(NAME SCRIPT [LABEL integration] [TIMEOUT 120]): a test program in any language; it finds the
# binaries by POTLINE_BIN and skips by exit code 77 with a line that says why.
function(potline_script_test name script)
  cmake_parse_arguments(T "" "LABEL;TIMEOUT" "" ${ARGN})
  if(NOT T_LABEL)
    set(T_LABEL integration)
  endif()
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 300)
  endif()
  math(EXPR T_TIMEOUT "${T_TIMEOUT} * ${POTLINE_PATIENCE}")
  execute_process(COMMAND test -x ${CMAKE_CURRENT_SOURCE_DIR}/${script} RESULT_VARIABLE refused)
  if(refused)
    message(FATAL_ERROR "${CMAKE_CURRENT_SOURCE_DIR}/${script} is not executable: chmod +x")
  endif()
  add_test(NAME ${name} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/${script} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES LABELS ${T_LABEL} TIMEOUT ${T_TIMEOUT} SKIP_RETURN_CODE 77
    ENVIRONMENT "POTLINE_BIN=${CMAKE_BINARY_DIR}/bin;POTLINE_BUILD=${CMAKE_BINARY_DIR};POTLINE_HTTP=off")
  potline_note_broker(${name})
endfunction()

# Every X_test.c of the current folder becomes the test PREFIX_X.
function(potline_folder_tests prefix)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.c)
  foreach(source ${sources})
    get_filename_component(stem ${source} NAME_WE)
    string(REGEX REPLACE "_test$" "" stem ${stem})
    potline_test(${prefix}_${stem} SOURCES ${source} ${ARGN})
  endforeach()
endfunction()
