# What the modules link, found once. Every name is an imported target, so that a module's row of the
# architecture table is its LINK line.
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
find_package(Threads REQUIRED)
find_package(TBB REQUIRED)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(ZLIB REQUIRED)

# The C API alone: libhdf5_hl and libhdf5_cpp are never linked.
set(HDF5_PREFER_PARALLEL OFF)
find_package(HDF5 1.10.8 REQUIRED COMPONENTS C)
add_library(luban_hdf5 INTERFACE)
add_library(luban::hdf5 ALIAS luban_hdf5)
target_include_directories(luban_hdf5 SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS})
target_link_libraries(luban_hdf5 INTERFACE ${HDF5_C_LIBRARIES})

# What compresses the chunks of histories. None of the three has a CMake package everywhere.
# luban_codec(<name> <header> <library>): the target luban::<name>.
function(luban_codec name header library)
  find_path(LUBAN_${name}_INCLUDE_DIR ${header} REQUIRED)
  find_library(LUBAN_${name}_LIBRARY ${library} REQUIRED)
  add_library(luban_${name} INTERFACE)
  add_library(luban::${name} ALIAS luban_${name})
  target_include_directories(luban_${name} SYSTEM INTERFACE ${LUBAN_${name}_INCLUDE_DIR})
  target_link_libraries(luban_${name} INTERFACE ${LUBAN_${name}_LIBRARY})
endfunction()
luban_codec(zstd zstd.h zstd)
luban_codec(lz4 lz4.h lz4)
if(LUBAN_WITH_LIBDEFLATE)
  luban_codec(libdeflate libdeflate.h deflate)
endif()

if(LUBAN_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()
