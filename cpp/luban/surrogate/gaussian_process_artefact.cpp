#include <cmath>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/surrogate/detail/inputs.hpp>
#include <luban/surrogate/detail/tensors.hpp>
#include <luban/surrogate/gaussian_process_impl.hpp>

namespace luban::surrogate {

namespace {

constexpr const char* key = "gaussian_process";

std::string prefix_of(std::size_t response) {
  return std::string(key) + "/" + std::to_string(response) + "/";
}

bool counted(const detail::TrainingData& data) {
  return data.scatter.size() == data.u() && data.readings.size() == data.u();
}

bool named(const detail::TrainingData& data) {
  return counted(data) && data.run_ids.size() == data.runs.size();
}

// What stands beside the tensors since models take new runs: names of the runs, and the levels of noise of the fit,
// which later data need not show.
core::Json streaming_json(const detail::LogPosterior& target) {
  return core::Json::object()
      .set("run_ids", target.data().run_ids)
      .set("between", target.present().between)
      .set("point", target.present().point)
      .set("within", target.present().within);
}

std::shared_ptr<const detail::LogPosterior> read_target(const core::Json& response, const ModelSpec& model,
                                                        const std::shared_ptr<const detail::Covariance>& covariance,
                                                        detail::TrainingData data, const std::string& prefix) {
  if (response.find("runs") == nullptr) {  // of an earlier version: it cannot take new runs
    return std::make_shared<const detail::LogPosterior>(model, covariance, std::move(data));
  }
  const core::Json& runs = response.at("runs");
  data.run_ids = runs.at("run_ids").as_strings();
  detail::require_intact(data.run_ids.size() == data.runs.size(), "a name for each run", prefix + "runs");
  const detail::NoiseLevelsPresent present{.between = runs.at("between").as_bool(),
                                           .point = runs.at("point").as_bool(),
                                           .within = runs.at("within").as_bool()};
  return std::make_shared<const detail::LogPosterior>(model, covariance, std::move(data), present);
}

}  // namespace

core::Json report_json(const FitReport& report) {
  core::Json::Array set_aside;
  for (const std::int64_t row : report.set_aside) set_aside.emplace_back(row);
  return core::Json::object()
      .set("log_posterior", report.log_posterior)
      .set("log_likelihood", report.log_likelihood)
      .set("evaluations", report.evaluations)
      .set("starts_converged", report.starts_converged)
      .set("jitter", report.jitter)
      .set("degraded", report.degraded)
      .set("readings", static_cast<std::int64_t>(report.readings))
      .set("points", static_cast<std::int64_t>(report.points))
      .set("runs", static_cast<std::int64_t>(report.runs))
      .set("gross_errors", static_cast<std::int64_t>(report.gross_errors))
      .set("set_aside", std::move(set_aside))
      .set("hyperparameter_names", report.hyperparameter_names);
}

FitReport report_from_json(const core::Json& json, Eigen::VectorXd theta) {
  FitReport out;
  out.log_posterior = json.at("log_posterior").as_double();
  out.log_likelihood = json.at("log_likelihood").as_double();
  out.evaluations = static_cast<int>(json.at("evaluations").as_int());
  out.starts_converged = static_cast<int>(json.at("starts_converged").as_int());
  out.jitter = json.at("jitter").as_double();
  out.degraded = json.at("degraded").as_bool();
  out.readings = json.at("readings").as_int();
  out.points = json.at("points").as_int();
  out.runs = json.at("runs").as_int();
  out.gross_errors = json.at("gross_errors").as_int();
  for (const core::Json& row : json.at("set_aside").as_array()) out.set_aside.push_back(row.as_int());
  out.hyperparameter_names = json.at("hyperparameter_names").as_strings();
  out.hyperparameters = std::move(theta);
  return out;
}

void write_training(const detail::TrainingData& data, const std::string& prefix, Artefact& artefact) {
  std::vector<std::int64_t> run(static_cast<std::size_t>(data.u()));
  for (std::size_t r = 0; r < data.runs.size(); ++r) {
    for (const Eigen::Index row : data.runs[r]) run[static_cast<std::size_t>(row)] = static_cast<std::int64_t>(r);
  }
  artefact.tensors[prefix + "X"] = detail::to_tensor(data.X);
  artefact.tensors[prefix + "y"] = detail::to_tensor(data.y);
  artefact.tensors[prefix + "weight"] = detail::to_tensor(data.weight);
  artefact.tensors[prefix + "run"] = {.shape = {data.u()}, .values = std::move(run)};
  const bool known = data.known_within > 0.0;
  Eigen::VectorXd totals(known ? 7 : 5);
  totals.head(5) << data.within_ss, data.log_weight_sum, static_cast<double>(data.n), data.location, data.scale;
  if (known) totals.tail(2) << data.known_within, data.extra_noise ? 1.0 : 0.0;
  artefact.tensors[prefix + "totals"] = detail::to_tensor(totals);
  if (!counted(data)) return;
  artefact.tensors[prefix + "scatter"] = detail::to_tensor(data.scatter);
  artefact.tensors[prefix + "readings"] = detail::to_tensor(data.readings);
}

detail::TrainingData read_training(const Artefact& artefact, const std::string& prefix,
                                   const features::Encoder& encoder, bool with_counts) {
  using detail::require_intact;
  detail::TrainingData out;
  out.X = detail::matrix_from(artefact, prefix + "X");
  out.y = detail::vector_from(artefact, prefix + "y");
  out.weight = detail::vector_from(artefact, prefix + "weight");
  const std::vector<std::int64_t> run = detail::integers_from(artefact, prefix + "run");
  const Eigen::VectorXd totals = detail::vector_from(artefact, prefix + "totals");
  require_intact(out.y.size() > 0 && out.y.allFinite(), "at least one finite value", prefix + "y");
  require_intact(out.X.rows() == out.u(), "as many rows as y", prefix + "X");
  require_intact(out.weight.size() == out.u() && out.weight.allFinite() && out.weight.minCoeff() > 0.0,
                 "a positive weight for each value", prefix + "weight");
  require_intact(static_cast<Eigen::Index>(run.size()) == out.u(), "a run for each value", prefix + "run");
  require_intact((totals.size() == 5 || totals.size() == 7) && totals.allFinite() && totals(0) >= 0.0 &&
                     totals(4) > 0.0 && totals(4) < 1e150,
                 "five or seven finite totals, squares and scale not negative", prefix + "totals");
  require_intact(totals(2) == std::floor(totals(2)) && totals(2) >= static_cast<double>(out.u()) && totals(2) < 1e15,
                 "a whole number of readings, no fewer than means", prefix + "totals");
  detail::require_coded(out.X, encoder, "surrogate.read");
  for (std::size_t row = 0; row < run.size(); ++row) {
    const auto known = static_cast<std::int64_t>(out.runs.size());
    require_intact(run[row] >= 0 && run[row] <= static_cast<std::int64_t>(run.size()), "runs numbered from 0",
                   prefix + "run");
    if (run[row] >= known) out.runs.resize(static_cast<std::size_t>(run[row]) + 1);
    out.runs[static_cast<std::size_t>(run[row])].push_back(static_cast<Eigen::Index>(row));
  }
  for (const auto& rows : out.runs) require_intact(!rows.empty(), "runs numbered without gaps", prefix + "run");
  out.within_ss = totals(0);
  out.log_weight_sum = totals(1);
  out.n = static_cast<Eigen::Index>(totals(2));
  out.location = totals(3);
  out.scale = totals(4);
  if (totals.size() == 7) {
    require_intact(totals(5) > 0.0 && (totals(6) == 0.0 || totals(6) == 1.0), "a known variance and 0 or 1",
                   prefix + "totals");
    out.known_within = totals(5);
    out.extra_noise = totals(6) == 1.0;
  }
  if (!with_counts) return out;
  out.scatter = detail::vector_from(artefact, prefix + "scatter");
  out.readings = detail::vector_from(artefact, prefix + "readings");
  require_intact(out.scatter.size() == out.u() && out.scatter.allFinite() && out.scatter.minCoeff() >= 0.0,
                 "a sum of squares, not negative, for each value", prefix + "scatter");
  require_intact(out.readings.size() == out.u() && out.readings.allFinite() && out.readings.minCoeff() >= 1.0,
                 "a number of readings, at least 1, for each value", prefix + "readings");
  return out;
}

void GaussianProcess::write(Artefact& artefact) const {
  core::Json responses = core::Json::array();
  for (std::size_t r = 0; r < impl_->fitted.size(); ++r) {
    const detail::Conditioned& process = *impl_->fitted[r].process;
    write_training(process.target().data(), prefix_of(r), artefact);
    artefact.tensors[prefix_of(r) + "theta"] = detail::to_tensor(process.theta());
    core::Json response = core::Json::object()
                              .set("name", impl_->responses[r].name)
                              .set("unit", impl_->responses[r].unit)
                              .set("report", report_json(impl_->reports[r]));
    if (named(process.target().data())) response.set("runs", streaming_json(process.target()));
    responses.push_back(std::move(response));
  }
  artefact.metadata.set(key, core::Json::object()
                                 .set("preset", impl_->preset)
                                 .set("model", surrogate::to_json(impl_->model))
                                 .set("encoder", impl_->encoder.to_json())
                                 .set("responses", std::move(responses)));
}

std::shared_ptr<const GaussianProcess> GaussianProcess::read(const Artefact& artefact) {
  try {
    const core::Json& json = artefact.metadata.at(key);
    auto impl = std::make_unique<Impl>();
    impl->preset = json.at("preset").as_string();
    impl->model = model_from_json(json.at("model"));
    impl->encoder = features::Encoder::from_json(json.at("encoder"));
    const auto covariance = std::make_shared<const detail::Covariance>(impl->model, impl->encoder);
    const core::Json::Array& responses = json.at("responses").as_array();
    for (std::size_t r = 0; r < responses.size(); ++r) {
      impl->responses.push_back({responses[r].at("name").as_string(), responses[r].at("unit").as_string()});
      const Eigen::VectorXd theta = detail::vector_from(artefact, prefix_of(r) + "theta");
      const bool with_counts = responses[r].find("runs") != nullptr || impl->model.noise_profile.used;
      const auto target = read_target(responses[r], impl->model, covariance,
                                      read_training(artefact, prefix_of(r), impl->encoder, with_counts), prefix_of(r));
      detail::require_intact(
          theta.size() == static_cast<Eigen::Index>(target->hyperparameters().size()) && theta.allFinite(),
          "a finite value for each hyperparameter", prefix_of(r) + "theta");
      const FitReport report = report_from_json(responses[r].at("report"), theta);
      impl->fitted.push_back({std::make_shared<const detail::Conditioned>(target, theta), report});
      impl->reports.push_back(report);
    }
    return std::shared_ptr<const GaussianProcess>(new GaussianProcess(std::move(impl)));
  } catch (const core::DataError& error) {  // metadata that is missing or of another type
    detail::throw_damaged("surrogate.GaussianProcess.read", error);
  }
}

}  // namespace luban::surrogate
