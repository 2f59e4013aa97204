# Finds the torch that pip installed for the build Python and makes imported targets of its libraries:
# torch::c10, torch::cpu, torch::python. torch's own CMake package is not used: with a CUDA build of torch it
# demands a CUDA toolkit, and it passes on compile options that are ours to choose.
#
# Sets TorchPip_FOUND, TorchPip_VERSION, TorchPip_ROOT.
if(NOT Python_EXECUTABLE)
  find_package(Python 3.11 REQUIRED COMPONENTS Interpreter)
endif()

# find_spec does not import torch: the version is read from its version file.
execute_process(
  COMMAND "${Python_EXECUTABLE}" -c
"import importlib.util as u, pathlib, runpy
spec = u.find_spec('torch')
root = pathlib.Path(spec.origin).parent
facts = runpy.run_path(str(root / 'version.py'))
print(root.as_posix(), facts['__version__'], facts.get('cuda') or 'none', sep=';')"
  OUTPUT_VARIABLE torch_pip_facts ERROR_VARIABLE torch_pip_error RESULT_VARIABLE torch_pip_status
  OUTPUT_STRIP_TRAILING_WHITESPACE)

if(torch_pip_status EQUAL 0)
  list(GET torch_pip_facts 0 TorchPip_ROOT)
  list(GET torch_pip_facts 1 TorchPip_VERSION)
  list(GET torch_pip_facts 2 TorchPip_CUDA)
  set(torch_pip_include "${TorchPip_ROOT}/include")
  foreach(header torch/torch.h torch/extension.h ATen/ATen.h c10/core/Device.h pybind11/pybind11.h)
    if(NOT EXISTS "${torch_pip_include}/${header}" AND
       NOT EXISTS "${torch_pip_include}/torch/csrc/api/include/${header}")
      list(APPEND torch_pip_missing_headers "${header}")
    endif()
  endforeach()
  if(torch_pip_missing_headers)
    set(torch_pip_reason "torch ${TorchPip_VERSION} in ${TorchPip_ROOT} lacks headers: ${torch_pip_missing_headers}")
  endif()
  foreach(name c10 torch_cpu torch_python)
    set(library "${TorchPip_ROOT}/lib/lib${name}.so")
    if(EXISTS "${library}")
      set(torch_pip_library_${name} "${library}")
    else()
      set(torch_pip_reason "torch ${TorchPip_VERSION} lacks ${library}")
    endif()
  endforeach()
  # Sources compile on these; a built package then works with the minor it was built with.
  if(TorchPip_VERSION VERSION_LESS 2.11 OR TorchPip_VERSION VERSION_GREATER_EQUAL 2.15)
    set(torch_pip_reason "torch ${TorchPip_VERSION} is outside the supported range 2.11 to 2.14")
  endif()
else()
  set(torch_pip_reason "${Python_EXECUTABLE} has no torch package (pip install 'torch==2.13.*')")
endif()

if(torch_pip_reason)
  set(TorchPip_FOUND FALSE)
  if(TorchPip_FIND_REQUIRED)
    message(FATAL_ERROR "LUBAN_WITH_TRAINING is ON but torch cannot be used: ${torch_pip_reason}")
  endif()
  return()
endif()

set(TorchPip_FOUND TRUE)
message(STATUS "Found torch ${TorchPip_VERSION} (CUDA: ${TorchPip_CUDA}) in ${TorchPip_ROOT}")

function(luban_torch_target name library)
  if(TARGET torch::${name})
    return()
  endif()
  add_library(torch::${name} SHARED IMPORTED GLOBAL)
  set_target_properties(torch::${name} PROPERTIES
    IMPORTED_LOCATION "${library}"
    INTERFACE_COMPILE_FEATURES cxx_std_20
    INTERFACE_INCLUDE_DIRECTORIES "${torch_pip_include};${torch_pip_include}/torch/csrc/api/include")
endfunction()
luban_torch_target(c10 "${torch_pip_library_c10}")
luban_torch_target(cpu "${torch_pip_library_torch_cpu}")
luban_torch_target(python "${torch_pip_library_torch_python}")
set_target_properties(torch::cpu PROPERTIES INTERFACE_LINK_LIBRARIES torch::c10)
set_target_properties(torch::python PROPERTIES INTERFACE_LINK_LIBRARIES torch::cpu)
