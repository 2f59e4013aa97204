#include "bindings.hpp"

PYBIND11_MODULE(_core, module) {
  using namespace luban::bindings;
  module.doc() = "Private: what the modules of luban bind from C++ (everything without HDF5 and torch).";
  bind_core(module);
  bind_process(module);
  bind_parallel(module);
  bind_features(module);
  bind_surrogate(module);
  bind_evaluation(module);
  bind_recommend(module);
  bind_monitor(module);
  bind_control(module);
}
