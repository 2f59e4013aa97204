// Transforms of responses, and surrogates that learned transformed responses. A way to make a surrogate is named by
// its options, so that no Python runs inside a task.
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <pybind11/eigen.h>
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <luban/surrogate/gaussian_process.hpp>
#include <luban/surrogate/transformed_surrogate.hpp>

#include "bindings.hpp"
#include "long_call.hpp"
#include "surrogate_parts.hpp"

namespace luban::bindings {

using namespace surrogate;

namespace {

/// One member function over an array of any shape.
template <double (ResponseTransform::*function)(double) const>
py::array_t<double> over(const ResponseTransform& self,
                         const py::array_t<double, py::array::c_style | py::array::forcecast>& values) {
  py::array_t<double> out(std::vector<py::ssize_t>(values.shape(), values.shape() + values.ndim()));
  const double* from = values.data();
  double* to = out.mutable_data();
  for (py::ssize_t i = 0; i < values.size(); ++i) to[i] = (self.*function)(from[i]);
  return out;
}

void bind_transform(py::module_& module) {
  const ResponseTransformOptions defaults;
  py::classh<ResponseTransformOptions>(module, "ResponseTransformOptions", "How transforms of responses are fitted.")
      .def(py::init([](double winsorise_share, double winsorise_deviations) {
             return ResponseTransformOptions{.winsorise_share = winsorise_share,
                                             .winsorise_deviations = winsorise_deviations};
           }),
           py::kw_only(), py::arg("winsorise_share") = defaults.winsorise_share,
           py::arg("winsorise_deviations") = defaults.winsorise_deviations)
      .def_readwrite("winsorise_share", &ResponseTransformOptions::winsorise_share)
      .def_readwrite("winsorise_deviations", &ResponseTransformOptions::winsorise_deviations);
  py::classh<ResponseTransform>(module, "ResponseTransform",
                                "A strictly increasing map from a response to what is learned.")
      .def_property_readonly("name", &ResponseTransform::name)
      .def("forward", &over<&ResponseTransform::forward>, py::arg("y"), "z of y; NaN for NaN and outside the domain.")
      .def("inverse", &over<&ResponseTransform::inverse>, py::arg("z"), "y of z.")
      .def("inverse_slope", &over<&ResponseTransform::inverse_slope>, py::arg("z"), "dy / dz.")
      .def("log_jacobian", &over<&ResponseTransform::log_jacobian>, py::arg("y"), "log dz / dy.")
      .def("training_value", &over<&ResponseTransform::training_value>, py::arg("y"),
           "What is learned of y: forward(y), clipped first where the transform clips.")
      .def(
          "to_json", [](const ResponseTransform& self) { return self.to_json().dump(); }, "JSON text.")
      .def_static(
          "from_json",
          [](const std::string& text) {
            return std::const_pointer_cast<ResponseTransform>(response_transform_from_json(core::Json::parse(text)));
          },
          py::arg("text"));
  module.def(
      "fit_response_transform",
      [](const std::string& name, const Eigen::VectorXd& values, const ResponseTransformOptions& options,
         const std::string& response) {
        return std::const_pointer_cast<ResponseTransform>(fit_response_transform(name, values, options, response));
      },
      py::arg("name"), py::arg("values"), py::arg_v("options", defaults, "ResponseTransformOptions()"), py::kw_only(),
      py::arg("response") = "");
  module.def("response_transforms", [] {
    std::vector<std::pair<std::string, std::string>> out;
    for (ResponseTransformKind& kind : response_transforms()) {
      out.emplace_back(std::move(kind.name), std::move(kind.description));
    }
    return out;
  });
  module.def("require_response_transform", &require_response_transform, py::arg("name"));
}

void bind_choice(py::module_& module) {
  const TransformChoiceOptions defaults;
  py::classh<TransformChoiceOptions>(module, "TransformChoiceOptions", "How \"auto\" chooses a transform.")
      .def(py::init([](std::vector<std::string> candidates, int folds, double standard_errors) {
             return TransformChoiceOptions{
                 .candidates = std::move(candidates), .folds = folds, .standard_errors = standard_errors};
           }),
           py::kw_only(), py::arg("candidates") = defaults.candidates, py::arg("folds") = defaults.folds,
           py::arg("standard_errors") = defaults.standard_errors)
      .def_readwrite("candidates", &TransformChoiceOptions::candidates)
      .def_readwrite("folds", &TransformChoiceOptions::folds)
      .def_readwrite("standard_errors", &TransformChoiceOptions::standard_errors);
  py::classh<TransformTrial>(module, "TransformTrial", "One candidate for one response.")
      .def_readonly("name", &TransformTrial::name)
      .def_readonly("log_density", &TransformTrial::log_density)
      .def_readonly("lead", &TransformTrial::lead)
      .def_readonly("bounded_lead", &TransformTrial::bounded_lead)
      .def_readonly("standard_error", &TransformTrial::standard_error)
      .def_readonly("refused", &TransformTrial::refused);
  py::classh<TransformChoice>(module, "TransformChoice", "What \"auto\" chose for one response, and what it tried.")
      .def_readonly("chosen", &TransformChoice::chosen)
      .def_readonly("trials", &TransformChoice::trials);
}

void bind_transformed(py::module_& module) {
  const TransformedOptions defaults;
  py::classh<TransformedOptions>(module, "TransformedOptions", "How a surrogate of transformed responses is made.")
      .def(py::init([](ResponseTransformOptions transform, TransformChoiceOptions choice, bool robust) {
             return TransformedOptions{.transform = transform, .choice = std::move(choice), .robust = robust};
           }),
           py::kw_only(), py::arg_v("transform", defaults.transform, "ResponseTransformOptions()"),
           py::arg_v("choice", defaults.choice, "TransformChoiceOptions()"), py::arg("robust") = defaults.robust)
      .def_readwrite("transform", &TransformedOptions::transform)
      .def_readwrite("choice", &TransformedOptions::choice)
      .def_readwrite("robust", &TransformedOptions::robust);
  py::classh<TransformedSurrogate, Surrogate>(module, "TransformedSurrogate",
                                              "A surrogate of transformed responses that answers in their own units.")
      .def_static(
          "fit",
          [](const features::Dataset& data, const std::vector<std::string>& names,
             const GaussianProcessOptions& process, const TransformedOptions& options, std::uint64_t seed,
             const py::object& progress) {
            auto fitted = long_call(progress, [&](const core::CallControl& control) {
              return TransformedSurrogate::fit(data, names, gaussian_process_factory(process), core::RandomKey(seed),
                                               options, control);
            });
            return std::const_pointer_cast<TransformedSurrogate>(fitted);
          },
          py::arg("data"), py::arg("names"), py::arg_v("process", GaussianProcessOptions{}, "GaussianProcessOptions()"),
          py::arg_v("options", defaults, "TransformedOptions()"), py::kw_only(), py::arg("seed"),
          py::arg("progress") = py::none(), "A Gaussian process of transformed responses.")
      .def_property_readonly(
          "inner", [](const TransformedSurrogate& self) { return std::const_pointer_cast<Surrogate>(self.inner()); },
          "The surrogate of the transformed responses.")
      .def_property_readonly("transforms",
                             [](const TransformedSurrogate& self) {
                               std::vector<std::shared_ptr<ResponseTransform>> out;
                               for (const auto& one : self.transforms()) {
                                 out.push_back(std::const_pointer_cast<ResponseTransform>(one));
                               }
                               return out;
                             })
      .def_property_readonly("choices", &TransformedSurrogate::choices)
      .def(
          "only",
          [](const TransformedSurrogate& self, const std::vector<Eigen::Index>& responses) {
            return std::const_pointer_cast<Surrogate>(self.only(responses));
          },
          py::arg("responses"))
      .def("write", &TransformedSurrogate::write, py::arg("artefact"),
           "Adds the transforms to an artefact; the surrogate inside writes itself.")
      .def_static(
          "read",
          [](const Artefact& artefact, const std::shared_ptr<Surrogate>& inner) {
            return std::const_pointer_cast<TransformedSurrogate>(TransformedSurrogate::read(artefact, inner));
          },
          py::arg("artefact"), py::arg("inner"));
  module.def(
      "choose_response_transforms",
      [](const features::Dataset& data, const GaussianProcessOptions& process, const TransformChoiceOptions& options,
         std::uint64_t seed, const py::object& progress) {
        return long_call(progress, [&](const core::CallControl& control) {
          return choose_response_transforms(data, gaussian_process_factory(process), core::RandomKey(seed), options,
                                            control);
        });
      },
      py::arg("data"), py::arg_v("process", GaussianProcessOptions{}, "GaussianProcessOptions()"),
      py::arg_v("options", TransformChoiceOptions{}, "TransformChoiceOptions()"), py::kw_only(), py::arg("seed"),
      py::arg("progress") = py::none());
}

}  // namespace

SurrogateFactory gaussian_process_factory(const GaussianProcessOptions& options) {
  return [options](const features::Dataset& data, core::RandomKey key, const core::CallControl& control) {
    return GaussianProcess::fit(data, options, key, control);
  };
}

SurrogateFactory gaussian_process_factory(const GaussianProcessOptions& options, std::vector<std::string> transforms) {
  SurrogateFactory plain = gaussian_process_factory(options);
  if (transforms.empty()) return plain;
  return [plain = std::move(plain), transforms = std::move(transforms), robust = options.robust](
             const features::Dataset& data, core::RandomKey key, const core::CallControl& control) {
    return TransformedSurrogate::fit(data, transforms, plain, key, {.robust = robust}, control);
  };
}

void bind_transforms(py::module_& module) {
  bind_transform(module);
  bind_choice(module);
  bind_transformed(module);
}

}  // namespace luban::bindings
