// Drift detectors, run lengths, charts, capability and coverage. What simulates goes through long_call.
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <pybind11/native_enum.h>
#include <pybind11/stl.h>

#include <luban/monitor/calibrate.hpp>
#include <luban/monitor/capability.hpp>
#include <luban/monitor/control_chart.hpp>
#include <luban/monitor/coverage.hpp>
#include <luban/monitor/drift.hpp>
#include <luban/monitor/run_length.hpp>

#include "arrays.hpp"
#include "bindings.hpp"
#include "long_call.hpp"

namespace luban::bindings {
namespace {

using namespace monitor;

void bind_detectors(py::module_& module) {
  py::native_enum<DriftState>(module, "DriftState", "enum.Enum", "What a detector says after a value.")
      .value("stable", DriftState::stable)
      .value("suspected", DriftState::suspected)
      .value("drift", DriftState::drift)
      .finalize();
  py::native_enum<DriftDirection>(module, "DriftDirection", "enum.Enum", "Which side is further out.")
      .value("none", DriftDirection::none)
      .value("up", DriftDirection::up)
      .value("down", DriftDirection::down)
      .finalize();
  py::classh<DriftDetector>(module, "DriftDetector", "Watches standardised residuals for a lasting change.")
      .def("update", &DriftDetector::update, py::arg("value"), "NaN is a missing value.")
      .def(
          "follow",
          [](DriftDetector& detector, const InputArray<double>& values) {
            const std::vector<double> in = copy_in(values, "values");
            std::vector<double> statistic;
            std::int64_t alarm = -1;
            for (const double value : in) {
              const bool before = detector.state() == DriftState::drift;
              if (detector.update(value) == DriftState::drift && !before) {
                alarm = static_cast<std::int64_t>(statistic.size());
              }
              statistic.push_back(detector.statistic());
            }
            return std::pair(move_out(std::move(statistic)), alarm);
          },
          py::arg("values"), "Updates with each value (n); returns the statistic (n) and where the alarm came, or -1.")
      .def("reset", &DriftDetector::reset)
      .def("with_threshold", &DriftDetector::with_threshold, py::arg("threshold"))
      .def_property_readonly("state", &DriftDetector::state)
      .def_property_readonly("direction", &DriftDetector::direction)
      .def_property_readonly("statistic", &DriftDetector::statistic)
      .def_property_readonly("threshold", &DriftDetector::threshold)
      .def_property_readonly("needed", [](const DriftDetector& one) { return one.persistence().needed; })
      .def_property_readonly("among", [](const DriftDetector& one) { return one.persistence().among; })
      .def_property_readonly("seen", &DriftDetector::seen)
      .def_property_readonly("missing", &DriftDetector::missing);
  const CusumOptions cusum;
  py::classh<Cusum, DriftDetector>(module, "Cusum", "Two-sided cumulative sum (Page 1954).")
      .def(py::init([](double allowance, double threshold, int needed, int among) {
             return std::make_unique<Cusum>(CusumOptions{
                 .allowance = allowance, .threshold = threshold, .persistence = {.needed = needed, .among = among}});
           }),
           py::kw_only(), py::arg("allowance") = cusum.allowance, py::arg("threshold") = cusum.threshold,
           py::arg("needed") = cusum.persistence.needed, py::arg("among") = cusum.persistence.among)
      .def_property_readonly("allowance", &Cusum::allowance);
  const PageHinkleyOptions hinkley;
  py::classh<PageHinkley, DriftDetector>(module, "PageHinkley", "The same against the running mean (Hinkley 1971).")
      .def(
          py::init([](double allowance, double threshold, int warm_up, int needed, int among) {
            return std::make_unique<PageHinkley>(PageHinkleyOptions{.allowance = allowance,
                                                                    .threshold = threshold,
                                                                    .warm_up = warm_up,
                                                                    .persistence = {.needed = needed, .among = among}});
          }),
          py::kw_only(), py::arg("allowance") = hinkley.allowance, py::arg("threshold") = hinkley.threshold,
          py::arg("warm_up") = hinkley.warm_up, py::arg("needed") = hinkley.persistence.needed,
          py::arg("among") = hinkley.persistence.among)
      .def_property_readonly("allowance", &PageHinkley::allowance)
      .def_property_readonly("warm_up", &PageHinkley::warm_up)
      .def_property_readonly("mean", &PageHinkley::mean);
}

void bind_run_lengths(py::module_& module) {
  py::classh<RunLength>(module, "RunLength", "A mean run length over simulated runs.")
      .def_readonly("mean", &RunLength::mean)
      .def_readonly("standard_error", &RunLength::standard_error)
      .def_readonly("runs", &RunLength::runs)
      .def_readonly("censored", &RunLength::censored);
  py::classh<DriftCalibration>(module, "DriftCalibration", "A threshold and the run length that it keeps.")
      .def_readonly("threshold", &DriftCalibration::threshold)
      .def_readonly("achieved", &DriftCalibration::achieved)
      .def_readonly("series_standard_error", &DriftCalibration::series_standard_error)
      .def_readonly("standard_error", &DriftCalibration::standard_error)
      .def_readonly("block", &DriftCalibration::block)
      .def_readonly("values", &DriftCalibration::values)
      .def_readonly("missing", &DriftCalibration::missing);
  module.def("cusum_run_length", &cusum_run_length, py::arg("allowance"), py::arg("threshold"), py::arg("shift") = 0.0);
  module.def("siegmund_run_length", &siegmund_run_length, py::arg("allowance"), py::arg("threshold"),
             py::arg("shift") = 0.0);
  module.def("cusum_threshold", &cusum_threshold, py::arg("allowance"), py::arg("run_length"));
  const SimulationOptions simulation;
  module.def(
      "detection_delay",
      [](const DriftDetector& detector, double shift, std::int64_t before, std::uint64_t seed, std::int64_t runs,
         std::int64_t longest, const py::object& progress) {
        const SimulationOptions options{.runs = runs, .longest = longest};
        const auto own = detector.clone();
        return long_call(progress, [&](const core::CallControl& control) {
          return detection_delay(*own, shift, before, core::RandomKey(seed), options, control);
        });
      },
      py::arg("detector"), py::arg("shift"), py::kw_only(), py::arg("before") = 0, py::arg("seed") = 0,
      py::arg("runs") = simulation.runs, py::arg("longest") = simulation.longest, py::arg("progress") = py::none());
  const DriftCalibrationOptions defaults;
  module.def(
      "calibrate_drift",
      [](const DriftDetector& detector, const std::optional<InputArray<double>>& residuals, double run_length,
         std::int64_t runs, std::int64_t block, int parts, std::uint64_t seed, const py::object& progress) {
        const DriftCalibrationOptions options{.run_length = run_length, .runs = runs, .block = block, .parts = parts};
        std::vector<double> values;
        if (residuals) values = copy_in(*residuals, "residuals");
        const bool normal = !residuals;
        const auto own = detector.clone();
        return long_call(progress, [&](const core::CallControl& control) {
          const core::RandomKey key(seed);
          return normal ? calibrate_normal(*own, key, options, control)
                        : calibrate_series(*own, values, key, options, control);
        });
      },
      py::arg("detector"), py::arg("residuals") = py::none(), py::kw_only(),
      py::arg("run_length") = defaults.run_length, py::arg("runs") = defaults.runs, py::arg("block") = defaults.block,
      py::arg("parts") = defaults.parts, py::arg("seed") = 0, py::arg("progress") = py::none());
}

void bind_charts(py::module_& module) {
  py::classh<ChartLimits>(module, "ChartLimits", "Center and control limits of a chart.")
      .def_readonly("center", &ChartLimits::center)
      .def_readonly("lower", &ChartLimits::lower)
      .def_readonly("upper", &ChartLimits::upper)
      .def(
          "beyond",
          [](const ChartLimits& limits, const InputArray<double>& values) {
            return move_out(beyond(copy_in(values, "values"), limits));
          },
          py::arg("values"), "Places of the values beyond the limits.");
  py::classh<IndividualsChart>(module, "IndividualsChart", "Charts of single values and of their moving range.")
      .def_readonly("value", &IndividualsChart::value)
      .def_readonly("moving_range", &IndividualsChart::moving_range)
      .def_readonly("sigma", &IndividualsChart::sigma)
      .def_readonly("ranges", &IndividualsChart::ranges)
      .def_readonly("missing", &IndividualsChart::missing);
  py::classh<SubgroupChart>(module, "SubgroupChart", "Charts of subgroup means and standard deviations.")
      .def_readonly("mean", &SubgroupChart::mean)
      .def_readonly("sd", &SubgroupChart::sd)
      .def_readonly("sigma", &SubgroupChart::sigma)
      .def_readonly("subgroups", &SubgroupChart::subgroups);
  module.def(
      "individuals_chart",
      [](const InputArray<double>& values, double width) {
        return individuals_chart(copy_in(values, "values"), width);
      },
      py::arg("values"), py::kw_only(), py::arg("width") = 3.0);
  module.def(
      "subgroup_chart",
      [](const InputArray<double>& values, int size, double width) {
        return subgroup_chart(copy_in(values, "values"), size, width);
      },
      py::arg("values"), py::arg("size"), py::kw_only(), py::arg("width") = 3.0);
  const EwmaOptions ewma;
  module.def(
      "ewma_chart",
      [](const InputArray<double>& values, double center, double sigma, double weight, double width) {
        EwmaChart out = ewma_chart(copy_in(values, "values"), center, sigma, {.weight = weight, .width = width});
        return std::tuple(move_out(std::move(out.statistic)), move_out(std::move(out.lower)),
                          move_out(std::move(out.upper)));
      },
      py::arg("values"), py::kw_only(), py::arg("center"), py::arg("sigma"), py::arg("weight") = ewma.weight,
      py::arg("width") = ewma.width);
}

void bind_capability(py::module_& module) {
  py::classh<CapabilityIndex>(module, "CapabilityIndex", "An index with its confidence interval.")
      .def_readonly("value", &CapabilityIndex::value)
      .def_readonly("lower", &CapabilityIndex::lower)
      .def_readonly("upper", &CapabilityIndex::upper);
  py::classh<ProcessCapability>(module, "ProcessCapability", "How well a stable process keeps a specification.")
      .def_readonly("cp", &ProcessCapability::cp)
      .def_readonly("cpk", &ProcessCapability::cpk)
      .def_readonly("pp", &ProcessCapability::pp)
      .def_readonly("ppk", &ProcessCapability::ppk)
      .def_readonly("mean", &ProcessCapability::mean)
      .def_readonly("sd_within", &ProcessCapability::sd_within)
      .def_readonly("sd_overall", &ProcessCapability::sd_overall)
      .def_readonly("freedom_within", &ProcessCapability::freedom_within)
      .def_readonly("share_beyond", &ProcessCapability::share_beyond)
      .def_readonly("values", &ProcessCapability::values)
      .def_readonly("missing", &ProcessCapability::missing);
  const CapabilityOptions defaults;
  module.def(
      "process_capability",
      [](const InputArray<double>& values, double lower, double upper, double confidence,
         const std::optional<InputArray<std::int64_t>>& group) {
        std::vector<std::int64_t> groups;
        if (group) groups = copy_in(*group, "group");
        return process_capability(copy_in(values, "values"), {.lower = lower, .upper = upper, .confidence = confidence},
                                  groups);
      },
      py::arg("values"), py::kw_only(), py::arg("lower") = defaults.lower, py::arg("upper") = defaults.upper,
      py::arg("confidence") = defaults.confidence, py::arg("group") = py::none());
}

void bind_coverage(py::module_& module) {
  py::native_enum<CoverageState>(module, "CoverageState", "enum.Enum", "Whether intervals keep their promise.")
      .value("holding", CoverageState::holding)
      .value("failing", CoverageState::failing)
      .finalize();
  const CoverageOptions defaults;
  py::classh<CoverageTracker>(module, "CoverageTracker", "Watches whether intervals cover as often as they promise.")
      .def(py::init([](double level, double run_length, int window) {
             return CoverageTracker({.level = level, .run_length = run_length, .window = window});
           }),
           py::kw_only(), py::arg("level") = defaults.level, py::arg("run_length") = defaults.run_length,
           py::arg("window") = defaults.window)
      .def("update", py::overload_cast<bool>(&CoverageTracker::update), py::arg("inside"))
      .def("update", py::overload_cast<double, double, double>(&CoverageTracker::update), py::arg("lower"),
           py::arg("value"), py::arg("upper"))
      .def("reset", &CoverageTracker::reset)
      .def(
          "running_bounds",
          [](const CoverageTracker& tracker, double confidence) {
            const auto bounds = tracker.running_bounds(confidence);
            return std::pair(bounds.lower, bounds.upper);
          },
          py::arg("confidence") = 0.95)
      .def_property_readonly("state", &CoverageTracker::state)
      .def_property_readonly("statistic", &CoverageTracker::statistic)
      .def_property_readonly("e_value", &CoverageTracker::e_value)
      .def_property_readonly("coverage", &CoverageTracker::coverage)
      .def_property_readonly("running_coverage", &CoverageTracker::running_coverage)
      .def_property_readonly("outcomes", &CoverageTracker::outcomes)
      .def_property_readonly("missing", &CoverageTracker::missing);
}

}  // namespace

void bind_monitor(py::module_& module) {
  bind_detectors(module);
  bind_run_lengths(module);
  bind_charts(module);
  bind_capability(module);
  bind_coverage(module);
}

}  // namespace luban::bindings
