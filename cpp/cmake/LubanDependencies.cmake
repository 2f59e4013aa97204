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

# Serial BLAS and LAPACK: our own tasks are the threads, BLAS must never start its own.
find_library(LUBAN_BLAS_LIBRARY NAMES openblas REQUIRED
  PATH_SUFFIXES openblas-serial x86_64-linux-gnu/openblas-serial aarch64-linux-gnu/openblas-serial
  NO_CMAKE_SYSTEM_PATH PATHS /usr/lib /usr/lib/x86_64-linux-gnu /usr/lib/aarch64-linux-gnu)
find_path(LUBAN_BLAS_INCLUDE_DIR cblas.h REQUIRED
  PATH_SUFFIXES openblas-serial PATHS /usr/include/x86_64-linux-gnu /usr/include/aarch64-linux-gnu /usr/include)
add_library(luban_blas INTERFACE)
add_library(luban::blas ALIAS luban_blas)
target_include_directories(luban_blas SYSTEM INTERFACE ${LUBAN_BLAS_INCLUDE_DIR})
target_link_libraries(luban_blas INTERFACE ${LUBAN_BLAS_LIBRARY})

if(LUBAN_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()
