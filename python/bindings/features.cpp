// Matrices and index columns leave as copies: a Dataset is never changed from Python.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <pybind11/eigen.h>
#include <pybind11/native_enum.h>
#include <pybind11/stl.h>

#include <luban/core/error.hpp>
#include <luban/features/dataset.hpp>
#include <luban/features/encoder.hpp>
#include <luban/features/envelope.hpp>
#include <luban/features/findings.hpp>
#include <luban/features/noise.hpp>
#include <luban/features/reduction.hpp>
#include <luban/features/robust_weights.hpp>
#include <luban/features/splits.hpp>

#include "arrays.hpp"
#include "bindings.hpp"
#include "long_call.hpp"

namespace luban::bindings {
namespace {

using namespace features;

void bind_encoder(py::module_& module) {
  py::native_enum<Role>(module, "Role", "enum.Enum", "What a variable is to the process.")
      .value("parameter", Role::parameter)
      .value("context", Role::context)
      .value("noise", Role::noise)
      .finalize();
  py::classh<EncodedVariable>(module, "EncodedVariable", "How one variable becomes one column of X.")
      .def_readonly("name", &EncodedVariable::name)
      .def_readonly("unit", &EncodedVariable::unit)
      .def_readonly("role", &EncodedVariable::role)
      .def_readonly("kind", &EncodedVariable::kind)
      .def_readonly("low", &EncodedVariable::low)
      .def_readonly("high", &EncodedVariable::high)
      .def_readonly("categories", &EncodedVariable::categories)
      .def_property_readonly("is_numeric", &EncodedVariable::is_numeric);
  py::classh<Encoder>(module, "Encoder", "Maps tables to matrices and back: parameters, context, noise variables.")
      .def_static("make", &Encoder::make, py::arg("process"), py::arg("source"),
                  py::call_guard<py::gil_scoped_release>())
      .def_static(
          "from_json", [](const std::string& text) { return Encoder::from_json(core::Json::parse(text)); },
          py::arg("text"))
      .def("to_json", [](const Encoder& encoder) { return encoder.to_json().dump(); })
      .def_property_readonly("variables", &Encoder::variables)
      .def_property_readonly("p", &Encoder::p)
      .def("find", &Encoder::find, py::arg("name"), "Column of a variable; -1 when absent.")
      .def("columns_of", &Encoder::columns_of, py::arg("role"))
      .def("encode", &Encoder::encode, py::arg("table"), "X (n, p), coded.")
      .def("decode", &Encoder::decode, py::arg("X"), "The inverse of encode, as a Table.")
      .def("encode_value", &Encoder::encode_value, py::arg("column"), py::arg("value"))
      .def(
          "encode_column",
          [](const Encoder& encoder, Eigen::Index column, const InputArray<double>& values) {
            return encoder.encode_column(column, copy_in(values, "values"));
          },
          py::arg("column"), py::arg("values"), "(k) many values of one numeric variable, coded.")
      .def("decode_value", &Encoder::decode_value, py::arg("column"), py::arg("coded"))
      .def_property_readonly("one_hot_width", &Encoder::one_hot_width)
      .def("one_hot", &Encoder::one_hot, py::arg("X"), "(n, d): categorical columns spread, ordinal ones scaled.");
}

py::array run_times(const Dataset& data) {
  return move_out(data.run_time).attr("view")("datetime64[ns]").cast<py::array>();
}

Dataset with_responses(const Dataset& data, const Eigen::MatrixXd& Y) {
  if (Y.rows() != data.n() || Y.cols() != data.m()) {
    throw core::DataError({.where = "features.Dataset.with_responses",
                           .expected = "(" + std::to_string(data.n()) + ", " + std::to_string(data.m()) + ") values",
                           .received = "(" + std::to_string(Y.rows()) + ", " + std::to_string(Y.cols()) + ")",
                           .place = {},
                           .hint = {}});
  }
  Dataset out = data;
  out.Y = Y;
  return out;
}

Dataset with_noise_variance(const Dataset& data, const Eigen::MatrixXd& variance) {
  if (variance.rows() != data.n() || variance.cols() != data.m()) {
    throw core::DataError(
        {.where = "features.Dataset.with_noise_variance",
         .expected = "(" + std::to_string(data.n()) + ", " + std::to_string(data.m()) + ") variances",
         .received = "(" + std::to_string(variance.rows()) + ", " + std::to_string(variance.cols()) + ")",
         .place = {},
         .hint = {}});
  }
  Dataset out = data;
  out.noise_variance = variance;
  return out;
}

void require_part(bool fits, const std::string& name) {
  if (fits) return;
  throw core::DataError({.where = "features.Dataset.from_parts",
                         .expected = "parts that fit together",
                         .received = "\"" + name + "\" of another length or with an index out of range",
                         .place = {},
                         .hint = {}});
}

bool all_below(const std::vector<std::int32_t>& indices, std::size_t limit) {
  return std::all_of(indices.begin(), indices.end(),
                     [limit](std::int32_t i) { return i >= 0 && static_cast<std::size_t>(i) < limit; });
}

bool codes_fit(const Dataset& data) {
  for (Eigen::Index column = 0; column < data.p(); ++column) {
    const EncodedVariable& variable = data.encoder.variables()[static_cast<std::size_t>(column)];
    const auto levels = static_cast<double>(variable.categories.size());
    if (variable.is_numeric()) continue;
    for (const double code : data.X.col(column)) {
      if (code < 0.0 || code >= levels || code != std::floor(code)) return false;
    }
  }
  return true;
}

Dataset from_parts(Encoder encoder, const Eigen::MatrixXd& X, const Eigen::MatrixXd& Y,
                   const std::vector<std::pair<std::string, std::string>>& responses, std::vector<std::int32_t> run,
                   std::vector<std::string> run_ids, std::vector<std::int32_t> group,
                   std::vector<std::string> group_labels, Grouping grouping, std::vector<std::int64_t> run_time,
                   std::vector<std::int64_t> source_row, std::vector<std::int64_t> repeat,
                   const std::optional<Eigen::MatrixXd>& noise_variance) {
  Dataset out{.encoder = std::move(encoder),
              .X = X,
              .Y = Y,
              .responses = {},
              .run = std::move(run),
              .run_ids = std::move(run_ids),
              .group = std::move(group),
              .group_labels = std::move(group_labels),
              .grouping = grouping,
              .run_time = std::move(run_time),
              .source_row = std::move(source_row),
              .repeat = std::move(repeat)};
  for (const auto& [name, unit] : responses) out.responses.push_back({.name = name, .unit = unit});
  const auto n = static_cast<std::size_t>(out.n());
  require_part(out.p() == out.encoder.p() && out.X.allFinite() && codes_fit(out), "X");
  require_part(static_cast<std::size_t>(out.Y.rows()) == n && out.responses.size() == static_cast<std::size_t>(out.m()),
               "Y");
  require_part(out.run.size() == n && all_below(out.run, out.run_count()), "run");
  require_part(out.group.size() == out.run_count() && all_below(out.group, out.group_count()), "group");
  require_part(out.run_time.size() == out.run_count(), "run_time");
  require_part(out.source_row.size() == n, "source_row");
  require_part(out.repeat.size() == n, "repeat");
  if (noise_variance) {
    out.noise_variance = *noise_variance;
    require_part(noise_variance->rows() == out.n() && noise_variance->cols() == out.m(), "noise_variance");
  }
  return out;
}

void bind_dataset(py::module_& module) {
  py::native_enum<Grouping>(module, "Grouping", "enum.Enum",
                            "What makes runs one group: what the process states, else "
                            "their point (parameters and context), else each on its own.")
      .value("stated", Grouping::stated)
      .value("points", Grouping::points)
      .value("runs", Grouping::runs)
      .finalize();
  py::classh<ResponseColumn>(module, "ResponseColumn", "A response of a dataset.")
      .def_readonly("name", &ResponseColumn::name)
      .def_readonly("unit", &ResponseColumn::unit);
  py::classh<Dataset>(module, "Dataset", "Readings within runs within groups, encoded.")
      .def_static("from_parts", &from_parts, py::kw_only(), py::arg("encoder"), py::arg("X"), py::arg("Y"),
                  py::arg("responses"), py::arg("run"), py::arg("run_ids"), py::arg("group"), py::arg("group_labels"),
                  py::arg("grouping"), py::arg("run_time"), py::arg("source_row"), py::arg("repeat"),
                  py::arg("noise_variance") = py::none(),
                  "Puts a stored dataset together again; responses are (name, unit). DataError when parts do not fit.")
      .def_property_readonly("encoder", [](const Dataset& data) { return data.encoder; })
      .def_property_readonly("X", [](const Dataset& data) -> Eigen::MatrixXd { return data.X; })
      .def_property_readonly("Y", [](const Dataset& data) -> Eigen::MatrixXd { return data.Y; })
      .def_readonly("responses", &Dataset::responses)
      .def_property_readonly("run", [](const Dataset& data) { return move_out(data.run); })
      .def_readonly("run_ids", &Dataset::run_ids)
      .def_property_readonly("group", [](const Dataset& data) { return move_out(data.group); })
      .def_readonly("group_labels", &Dataset::group_labels)
      .def_readonly("grouping", &Dataset::grouping)
      .def_property_readonly("run_time", &run_times)
      .def_property_readonly("source_row", [](const Dataset& data) { return move_out(data.source_row); })
      .def_property_readonly("repeat", [](const Dataset& data) { return move_out(data.repeat); })
      .def_property_readonly("n", &Dataset::n)
      .def_property_readonly("p", &Dataset::p)
      .def_property_readonly("m", &Dataset::m)
      .def("response_index", &Dataset::response_index, py::arg("name"))
      .def("subset", &Dataset::subset, py::arg("runs"), "The readings of the runs with these indices.")
      .def("with_responses", &with_responses, py::arg("Y"), "The same readings with other values Y (n, m).")
      .def_property_readonly(
          "noise_variance",
          [](const Dataset& data) -> std::optional<Eigen::MatrixXd> {
            if (data.noise_variance.size() == 0) return std::nullopt;
            return data.noise_variance;
          },
          "(n, m) variance of each reading in its squared unit where that is known beforehand, else None.")
      .def("with_noise_variance", &with_noise_variance, py::arg("variance"),
           "The same readings, the variance (n, m) of each known beforehand, in its squared unit.");
  const DatasetOptions defaults;
  module.def(
      "make_dataset",
      [](const process::Process& process, const process::TableSource& source, std::vector<std::string> responses,
         std::size_t rows_at_once, const py::object& progress) {
        return long_call(progress, [&](const core::CallControl& control) {
          return make_dataset(process, source, {.responses = responses, .rows_at_once = rows_at_once}, control);
        });
      },
      py::arg("process"), py::arg("source"), py::kw_only(), py::arg("responses") = defaults.responses,
      py::arg("rows_at_once") = defaults.rows_at_once, py::arg("progress") = py::none());
}

void bind_splits(py::module_& module) {
  py::classh<Fold>(module, "Fold", "Run indices of one split; no group has runs on both sides.")
      .def_property_readonly("train", [](const Fold& fold) { return move_out(fold.train); })
      .def_property_readonly("test", [](const Fold& fold) { return move_out(fold.test); });
  module.def(
      "group_folds",
      [](const Dataset& data, int folds, std::uint64_t seed) {
        return group_folds(data, folds, core::RandomKey(seed));
      },
      py::arg("data"), py::arg("folds"), py::arg("seed"));
  module.def("time_block_folds", &time_block_folds, py::arg("data"), py::arg("blocks"));
}

void bind_noise(py::module_& module) {
  py::classh<RobustWeightOptions>(module, "RobustWeightOptions", "When a reading is a gross error.")
      .def(py::init([](double gross_chance, int min_cell_readings, double prior_dof) {
             return RobustWeightOptions{
                 .gross_chance = gross_chance, .min_cell_readings = min_cell_readings, .prior_dof = prior_dof};
           }),
           py::kw_only(), py::arg("gross_chance") = RobustWeightOptions{}.gross_chance,
           py::arg("min_cell_readings") = RobustWeightOptions{}.min_cell_readings,
           py::arg("prior_dof") = RobustWeightOptions{}.prior_dof)
      .def_readonly("gross_chance", &RobustWeightOptions::gross_chance)
      .def_readonly("min_cell_readings", &RobustWeightOptions::min_cell_readings)
      .def_readonly("prior_dof", &RobustWeightOptions::prior_dof);
  module.def("robust_weights", &robust_weights, py::arg("data"), py::arg("response"),
             py::arg_v("options", RobustWeightOptions{}, "RobustWeightOptions()"),
             py::call_guard<py::gil_scoped_release>());
  py::classh<Reduction>(module, "Reduction", "One response's readings as weighted means per (run, input point).")
      .def_property_readonly("X", [](const Reduction& reduction) -> Eigen::MatrixXd { return reduction.X; })
      .def_property_readonly("run", [](const Reduction& reduction) { return move_out(reduction.run); })
      .def_property_readonly("mean", [](const Reduction& reduction) -> Eigen::VectorXd { return reduction.mean; })
      .def_property_readonly("weight", [](const Reduction& reduction) -> Eigen::VectorXd { return reduction.weight; })
      .def_readonly("within_ss", &Reduction::within_ss)
      .def_readonly("log_weight_sum", &Reduction::log_weight_sum)
      .def_readonly("n", &Reduction::n);
  module.def("reduce", &reduce, py::arg("data"), py::arg("response"), py::arg("weights"),
             py::call_guard<py::gil_scoped_release>());
  py::classh<NoiseEstimate>(module, "NoiseEstimate", "Replicate noise of one response by the method of moments.")
      .def_readonly("within_sd", &NoiseEstimate::within_sd)
      .def_readonly("within_dof", &NoiseEstimate::within_dof)
      .def_readonly("between_sd", &NoiseEstimate::between_sd)
      .def_readonly("between_dof", &NoiseEstimate::between_dof);
  module.def("estimate_noise", &estimate_noise, py::arg("reduction"));
}

void bind_findings(py::module_& module) {
  py::classh<Finding>(module, "Finding", "One thing that a person should look at.")
      .def_property_readonly("kind", [](const Finding& finding) { return std::string(name(finding.kind)); })
      .def_readonly("column", &Finding::column)
      .def_readonly("run_id", &Finding::run_id)
      .def_readonly("source_row", &Finding::source_row)
      .def_readonly("repeat", &Finding::repeat)
      .def_readonly("value", &Finding::value)
      .def_readonly("expected", &Finding::expected)
      .def_readonly("deviations", &Finding::deviations)
      .def_readonly("message", &Finding::message)
      .def("__repr__", [](const Finding& finding) {
        return "Finding(" + std::string(name(finding.kind)) + ": " + finding.message + ")";
      });
  const FindingOptions defaults;
  module.def(
      "find_suspicious",
      [](const Dataset& data, const RobustWeightOptions& robust, double inconsistent_factor, int duplicate_values,
         double duplicate_factor, std::size_t most, int threads, const py::object& progress) {
        const FindingOptions options{.robust = robust,
                                     .inconsistent_factor = inconsistent_factor,
                                     .duplicate_values = duplicate_values,
                                     .duplicate_factor = duplicate_factor,
                                     .most = most,
                                     .threads = threads};
        return long_call(progress,
                         [&](const core::CallControl& control) { return find_suspicious(data, options, control); });
      },
      py::arg("data"), py::kw_only(), py::arg_v("robust", defaults.robust, "RobustWeightOptions()"),
      py::arg("inconsistent_factor") = defaults.inconsistent_factor,
      py::arg("duplicate_values") = defaults.duplicate_values, py::arg("duplicate_factor") = defaults.duplicate_factor,
      py::arg("most") = defaults.most, py::arg("threads") = defaults.threads, py::arg("progress") = py::none());
  module.def("make_envelope", &make_envelope, py::arg("data"), py::call_guard<py::gil_scoped_release>());
}

}  // namespace

void bind_features(py::module_& module) {
  bind_encoder(module);
  bind_dataset(module);
  bind_splits(module);
  bind_noise(module);
  bind_findings(module);
}

}  // namespace luban::bindings
