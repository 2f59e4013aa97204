# luban_module(NAME <module> SOURCES ... HEADERS ... [LINK ...] [PRIVATE_LINK ...])
#
# One module = one folder = one shared library libluban_<module>.so. HEADERS are the public border: each
# must compile alone (the target all_verify_interface_header_sets checks it). LINK names what the public
# headers need, PRIVATE_LINK what only the sources need; both must stay inside the module's row of
# the table in tests/architecture/modules.toml.
include(GNUInstallDirs)
include(GenerateExportHeader)

set(LUBAN_GENERATED_DIR "${CMAKE_BINARY_DIR}/generated")
set(LUBAN_LIB_DESTINATION "luban/lib")

# Flags shared by modules, bindings and tests.
function(luban_compile_options target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES
    CXX_EXTENSIONS OFF
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    POSITION_INDEPENDENT_CODE ON)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wconversion -Wno-sign-conversion)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(${target} PRIVATE -Wno-restrict)  # GCC 12 warns on "a" + std::string (GCC bug 105651)
  endif()
  target_link_options(${target} PRIVATE -Wl,--as-needed)  # depend on what is used, nothing else
  if(LUBAN_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(LUBAN_SANITIZE)
    # A null pointer that is followed ends the process anyway, and so does an aligned load that is not; their checks
    # at every access would double the time of the build.
    target_compile_options(${target} PRIVATE
      -fsanitize=${LUBAN_SANITIZE} -fno-sanitize=null,alignment -fno-omit-frame-pointer)
    target_link_options(${target} PRIVATE -fsanitize=${LUBAN_SANITIZE})
  endif()
endfunction()

# Common headers are compiled once per target, unless a compiler launcher such as ccache stands before the compiler:
# the two do not mix. Sources with options of their own must set SKIP_PRECOMPILE_HEADERS.
function(luban_precompile target)
  if(NOT CMAKE_CXX_COMPILER_LAUNCHER)
    target_precompile_headers(${target} PRIVATE ${ARGN})
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
      # The same GCC bug: what comes out of a precompiled header no longer counts as the system's.
      target_compile_options(${target} PRIVATE -Wno-stringop-overflow -Wno-array-bounds -Wno-maybe-uninitialized)
    endif()
  endif()
endfunction()

# For code around the product (tests, bindings): its compile time counts, its speed does not.
function(luban_compile_quickly target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
  luban_precompile(${target} ${ARGN})
endfunction()

function(luban_module)
  cmake_parse_arguments(arg "" "NAME" "SOURCES;HEADERS;LINK;PRIVATE_LINK" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "luban_module(${arg_NAME}): unknown arguments ${arg_UNPARSED_ARGUMENTS}")
  endif()
  set(target luban_${arg_NAME})
  add_library(${target} SHARED ${arg_SOURCES})
  add_library(luban::${arg_NAME} ALIAS ${target})

  string(TOUPPER ${arg_NAME} upper)
  set(export_header "${LUBAN_GENERATED_DIR}/luban/${arg_NAME}/export.hpp")
  generate_export_header(${target} BASE_NAME luban_${arg_NAME}
    EXPORT_MACRO_NAME LUBAN_${upper}_EXPORT EXPORT_FILE_NAME "${export_header}")

  target_sources(${target} PUBLIC FILE_SET HEADERS
    BASE_DIRS "${PROJECT_SOURCE_DIR}/cpp" FILES ${arg_HEADERS})
  target_include_directories(${target} PUBLIC "$<BUILD_INTERFACE:${LUBAN_GENERATED_DIR}>")
  target_link_libraries(${target} PUBLIC ${arg_LINK} PRIVATE ${arg_PRIVATE_LINK})
  luban_compile_options(${target})
  luban_precompile(${target} <algorithm> <functional> <map> <memory> <string> <variant> <vector>)
  if("Eigen3::Eigen" IN_LIST arg_LINK OR "Eigen3::Eigen" IN_LIST arg_PRIVATE_LINK)
    luban_precompile(${target} <Eigen/Core>)
  endif()
  set_target_properties(${target} PROPERTIES
    VERIFY_INTERFACE_HEADER_SETS ON
    LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib"
    INSTALL_RPATH "$ORIGIN")
  if(NOT LUBAN_SANITIZE)  # a sanitizer's runtime symbols are resolved by the executable
    target_link_options(${target} PRIVATE -Wl,--no-undefined)
  endif()
  install(TARGETS ${target} LIBRARY DESTINATION "${LUBAN_LIB_DESTINATION}" COMPONENT python
          FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT development)
endfunction()
