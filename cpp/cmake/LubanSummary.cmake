# What is being built, in one place; the same facts are exported as luban.build_info().
message(STATUS "luban ${PROJECT_VERSION}: ${CMAKE_BUILD_TYPE}, ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}")
foreach(option LUBAN_WITH_PYTHON LUBAN_WITH_TRAINING LUBAN_BUILD_TESTS LUBAN_BUILD_BENCH LUBAN_WERROR LUBAN_SANITIZE)
  message(STATUS "  ${option} = ${${option}}")
endforeach()
