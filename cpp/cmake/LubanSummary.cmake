# What is being built, in one place: printed here, and written into luban/build_facts.hpp, which the bindings
# hand out as luban.build_info().
# The version number inside a #define of a header.
function(luban_header_macro variable file macro)
  set(value "unknown")
  if(EXISTS "${file}")
    file(STRINGS "${file}" line REGEX "#define[ \t]+${macro}[ \t]" LIMIT_COUNT 1)
    string(REGEX MATCH "[0-9]+(\\.[0-9]+)+" value "${line}")
  endif()
  set(${variable} "${value}" PARENT_SCOPE)
endfunction()

find_package(Git QUIET)
set(luban_revision "unknown")
if(GIT_FOUND AND EXISTS "${PROJECT_SOURCE_DIR}/.git")
  execute_process(COMMAND "${GIT_EXECUTABLE}" describe --always --dirty --abbrev=12 --exclude=*
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" OUTPUT_VARIABLE described ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(described)
    set(luban_revision "${described}")
  endif()
endif()

if(LUBAN_WITH_PYTHON)
  get_directory_property(pybind11_VERSION DIRECTORY "${PROJECT_SOURCE_DIR}/python" DEFINITION pybind11_VERSION)
endif()
if(LUBAN_WITH_TRAINING)
  get_directory_property(TorchPip_VERSION DIRECTORY "${PROJECT_SOURCE_DIR}/cpp/luban/training" DEFINITION TorchPip_VERSION)
endif()

# zstd states its version in three numbers; the other two in one text.
set(luban_zstd_version "")
foreach(part MAJOR MINOR RELEASE)
  file(STRINGS "${LUBAN_zstd_INCLUDE_DIR}/zstd.h" line REGEX "#define[ \t]+ZSTD_VERSION_${part}[ \t]" LIMIT_COUNT 1)
  string(REGEX MATCH "[0-9]+" number "${line}")
  list(APPEND luban_zstd_version "${number}")
endforeach()
list(JOIN luban_zstd_version "." luban_zstd_version)
set(luban_lz4_version "")
foreach(part MAJOR MINOR RELEASE)
  file(STRINGS "${LUBAN_lz4_INCLUDE_DIR}/lz4.h" line REGEX "#define[ \t]+LZ4_VERSION_${part}[ \t]" LIMIT_COUNT 1)
  string(REGEX REPLACE ".*VERSION_${part}[ \t]+([0-9]+).*" "\\1" number "${line}")
  list(APPEND luban_lz4_version "${number}")
endforeach()
list(JOIN luban_lz4_version "." luban_lz4_version)
if(LUBAN_WITH_LIBDEFLATE)
  file(STRINGS "${LUBAN_libdeflate_INCLUDE_DIR}/libdeflate.h" line REGEX "LIBDEFLATE_VERSION_STRING" LIMIT_COUNT 1)
  string(REGEX MATCH "[0-9]+\\.[0-9]+" luban_deflate_library "${line}")
  string(PREPEND luban_deflate_library "libdeflate ")
else()
  set(luban_deflate_library "zlib ${ZLIB_VERSION_STRING}")
endif()

# key|value; the order is the order in which people read them
set(luban_facts
  "version|${PROJECT_VERSION}"
  "revision|${luban_revision}"
  "build_type|${CMAKE_BUILD_TYPE}"
  "compiler|${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}"
  "system|${CMAKE_SYSTEM_NAME} ${CMAKE_SYSTEM_PROCESSOR}"
  "hdf5|${HDF5_VERSION}"
  "deflate|${luban_deflate_library}"
  "zstd|${luban_zstd_version}"
  "lz4|${luban_lz4_version}"
  "tbb|${TBB_VERSION}"
  "eigen|${Eigen3_VERSION}"
  "nlohmann_json|${nlohmann_json_VERSION}"
  "pybind11|${pybind11_VERSION}"
  "torch|${TorchPip_VERSION}"
  "sanitize|${LUBAN_SANITIZE}")
set(luban_switches LUBAN_WITH_PYTHON LUBAN_WITH_TRAINING LUBAN_WITH_LIBDEFLATE LUBAN_BUILD_TESTS LUBAN_BUILD_BENCH LUBAN_WERROR)

set(luban_fact_entries "")
set(luban_switch_entries "")
message(STATUS "What is being built:")
foreach(fact IN LISTS luban_facts)
  string(REGEX MATCH "^([^|]*)\\|(.*)$" _ "${fact}")
  message(STATUS "  ${CMAKE_MATCH_1} = ${CMAKE_MATCH_2}")
  string(APPEND luban_fact_entries "    {\"${CMAKE_MATCH_1}\", \"${CMAKE_MATCH_2}\"},\n")
endforeach()
foreach(switch IN LISTS luban_switches)
  string(REGEX REPLACE "^LUBAN_" "" name "${switch}")
  string(TOLOWER "${name}" name)
  if(${switch})
    set(value true)
  else()
    set(value false)
  endif()
  message(STATUS "  ${name} = ${value}")
  string(APPEND luban_switch_entries "    {\"${name}\", ${value}},\n")
endforeach()

# Plugins are files of their own: whether one is there is looked up at run time.
message(STATUS "  with_openmpi = ${LUBAN_WITH_OPENMPI}")

list(LENGTH luban_facts luban_fact_count)
list(LENGTH luban_switches luban_switch_count)
configure_file("${CMAKE_CURRENT_LIST_DIR}/build_facts.hpp.in" "${LUBAN_GENERATED_DIR}/luban/build_facts.hpp" @ONLY)
