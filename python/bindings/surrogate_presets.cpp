// Presets are values; their models pass as JSON text.
#include <string>
#include <utility>
#include <vector>

#include <pybind11/stl.h>

#include <luban/core/json.hpp>
#include <luban/surrogate/presets.hpp>

#include "bindings.hpp"
#include "surrogate_parts.hpp"

namespace luban::bindings {

using namespace surrogate;

void bind_presets(py::module_& module) {
  py::classh<Preset>(module, "Preset", "A named choice of covariance, priors and bounds.")
      .def(py::init([](std::string name, const std::string& model, std::string description) {
             return Preset{std::move(name), std::move(description), model_from_json(core::Json::parse(model))};
           }),
           py::arg("name"), py::arg("model"), py::kw_only(), py::arg("description") = "")
      .def_readonly("name", &Preset::name)
      .def_readonly("description", &Preset::description)
      .def_property_readonly(
          "model", [](const Preset& p) { return to_json(p.model).dump(); }, "JSON text.");
  module.def("presets", &presets, py::arg("numeric"), py::arg("categorical"));
  const PresetChanges defaults;
  module.def(
      "changed_preset",
      [](const Preset& base, bool warped, bool embedded, int embedding_rank, std::string forgetting, double forgotten,
         bool noise_varies, std::vector<std::string> noise_inputs, std::string tasks) {
        return changed(base, {.warped = warped,
                              .embedded = embedded,
                              .embedding_rank = embedding_rank,
                              .forgetting = std::move(forgetting),
                              .forgotten = forgotten,
                              .noise_varies = noise_varies,
                              .noise_inputs = std::move(noise_inputs),
                              .tasks = std::move(tasks)});
      },
      py::arg("base"), py::kw_only(), py::arg("warped") = defaults.warped, py::arg("embedded") = defaults.embedded,
      py::arg("embedding_rank") = defaults.embedding_rank, py::arg("forgetting") = defaults.forgetting,
      py::arg("forgotten") = defaults.forgotten, py::arg("noise_varies") = defaults.noise_varies,
      py::arg("noise_inputs") = defaults.noise_inputs, py::arg("tasks") = defaults.tasks);
}

}  // namespace luban::bindings
