# luban_test(<module> SOURCES ... [LABEL unit|slow] [LINK ...])
#
# One GoogleTest program per module, sources beside the module's Python tests in tests/<module>/.
#
# luban_test(<module> RANKS 1 2 3 SOURCES ... [LABEL unit|slow] [LINK ...])
#
# The same program under mpirun, once for each number of ranks, with a main of its own that lets one rank talk
# (tests/parallel/ranks_main.cpp). Only in builds with the plugin for MPI.
function(luban_test module)
  cmake_parse_arguments(arg "" "LABEL" "SOURCES;LINK;RANKS" ${ARGN})
  if(NOT arg_LABEL)
    set(arg_LABEL unit)
  endif()
  if(DEFINED arg_RANKS AND NOT LUBAN_WITH_OPENMPI)
    return()
  endif()
  set(target test_${module}_${arg_LABEL})
  if(DEFINED arg_RANKS)
    string(APPEND target _ranks)
    list(APPEND arg_SOURCES "${PROJECT_SOURCE_DIR}/tests/parallel/ranks_main.cpp")
    set(main GTest::gtest luban::parallel)
  else()
    set(main GTest::gtest_main)
  endif()
  add_executable(${target} ${arg_SOURCES})
  luban_compile_options(${target})
  luban_compile_quickly(${target} <gtest/gtest.h>)
  target_link_libraries(${target} PRIVATE luban::${module} ${arg_LINK} ${main})
  if(DEFINED arg_RANKS)
    add_dependencies(${target} luban_parallel_openmpi)
    luban_add_rank_tests(${module} ${arg_LABEL} ${target} "${arg_RANKS}")
    return()
  endif()
  add_test(NAME ${module}.${arg_LABEL} COMMAND ${target})
  set_tests_properties(${module}.${arg_LABEL} PROPERTIES LABELS ${arg_LABEL})
  if(LUBAN_SANITIZE)
    set_tests_properties(${module}.${arg_LABEL} PROPERTIES
      ENVIRONMENT "LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/leaks.supp:print_suppressions=0")
  endif()
endfunction()

# What ranks on one machine need, root in a container included: OMPI_ALLOW… because mpirun refuses root, no
# single-copy transfers because containers forbid them (it would warn and go on), as many ranks as asked for on
# however few CPUs, one thread each. Variables of one version of Open MPI are ignored by another.
set(luban_rank_environment
  OMPI_ALLOW_RUN_AS_ROOT=1
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  OMPI_MCA_btl_vader_single_copy_mechanism=none
  OMPI_MCA_btl_sm_single_copy_mechanism=none
  OMPI_MCA_btl_base_warn_component_unused=0
  OMP_NUM_THREADS=1
  LUBAN_THREADS=1)

function(luban_add_rank_tests module label target ranks)
  foreach(count IN LISTS ranks)
    set(name ${module}.${label}.ranks_${count})
    add_test(NAME ${name}
      COMMAND mpirun -n ${count} --oversubscribe --bind-to none $<TARGET_FILE:${target}>)
    set_tests_properties(${name} PROPERTIES
      LABELS "${label};mpi"
      PROCESSORS ${count}  # ctest -j counts them all
      TIMEOUT 120          # a rank that hangs is a failure
      ENVIRONMENT "${luban_rank_environment}")
  endforeach()
endfunction()
