#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/features/robust_weights.hpp>
#include <luban/surrogate/detail/inputs.hpp>
#include <luban/surrogate/detail/tensors.hpp>
#include <luban/surrogate/gaussian_process.hpp>
#include <luban/surrogate/presets.hpp>

namespace luban::surrogate {

namespace {

using Index = Eigen::Index;
using Moments = GaussianPosterior::Moments;

constexpr const char* key_of_artefact = "correlated_responses";
constexpr const char* task = "(response)";  // name of the input that says which response a value is of

features::Encoder with_task(const features::Dataset& data) {
  std::vector<features::EncodedVariable> variables = data.encoder.variables();
  features::EncodedVariable response{
      .name = task, .role = features::Role::context, .kind = process::VariableKind::categorical};
  for (const features::ResponseColumn& column : data.responses) response.categories.push_back(column.name);
  variables.push_back(std::move(response));
  return features::Encoder(std::move(variables));
}

// Mean and standard deviation of one response without gross errors; 1 where it never varies.
std::pair<double, double> standard_of(const features::Dataset& data, Index response, bool robust) {
  const Eigen::ArrayXd values = data.Y.col(response).array();
  Eigen::ArrayXd weights =
      robust ? features::robust_weights(data, response).array() : Eigen::ArrayXd((!values.isNaN()).cast<double>());
  const double total = weights.sum();
  if (!(total > 0.0)) {
    throw core::DataError({.where = "surrogate.CorrelatedResponses.fit",
                           .expected = "a usable value of every response",
                           .received = "none",
                           .place = data.responses[static_cast<std::size_t>(response)].name,
                           .hint = {}});
  }
  const Eigen::ArrayXd known = values.isNaN().select(0.0, values);
  const double location = (weights * known).sum() / total;
  const double scale = std::sqrt((weights * (known - location).square()).sum() / total);
  return {location, scale > 1e-14 * std::abs(location) && scale > 0.0 ? scale : 1.0};
}

// Every value a row: a run of one response is a run of its own, so that noise is independent between responses.
features::Dataset stacked(const features::Dataset& data, const Eigen::VectorXd& location,
                          const Eigen::VectorXd& scale) {
  features::Dataset out;
  out.encoder = with_task(data);
  out.responses = {{.name = "standardised", .unit = {}}};
  out.group_labels = data.group_labels;
  out.grouping = data.grouping;
  const Index values = (!data.Y.array().isNaN()).count();
  const bool known = data.noise_variance.size() > 0;
  out.X.resize(values, data.p() + 1);
  out.Y.resize(values, 1);
  if (known) out.noise_variance.resize(values, 1);
  Index row = 0;
  for (Index r = 0; r < data.m(); ++r) {
    const auto first = static_cast<std::int32_t>(out.run_ids.size());
    for (std::size_t run = 0; run < data.run_count(); ++run) {
      out.run_ids.push_back(data.run_ids[run] + " " + data.responses[static_cast<std::size_t>(r)].name);
      out.group.push_back(data.group[run]);
      out.run_time.push_back(data.run_time[run]);
    }
    for (Index i = 0; i < data.n(); ++i) {
      if (std::isnan(data.Y(i, r))) continue;
      const auto at = static_cast<std::size_t>(i);
      out.X.row(row) << data.X.row(i), static_cast<double>(r);
      out.Y(row, 0) = (data.Y(i, r) - location(r)) / scale(r);
      if (known) out.noise_variance(row, 0) = data.noise_variance(i, r) / (scale(r) * scale(r));
      out.run.push_back(first + data.run[at]);
      out.source_row.push_back(data.source_row[at]);
      out.repeat.push_back(data.repeat[at]);
      ++row;
    }
  }
  return out;
}

Eigen::MatrixXd of_response(const Eigen::MatrixXd& X, Index response) {
  Eigen::MatrixXd out(X.rows(), X.cols() + 1);
  out << X, Eigen::VectorXd::Constant(X.rows(), static_cast<double>(response));
  return out;
}

// Moments of the one process as those of a response in its unit, `weight` being what an average's weights sum to.
Moments in_unit(Moments moments, double location, double scale, double weight) {
  const double square = scale * scale;
  moments.mean = (scale * moments.mean).array() + weight * location;
  for (Eigen::VectorXd* each : {&moments.variance, &moments.between_variance, &moments.within_variance})
    *each *= square;
  moments.covariance *= square;
  const auto without_task = [](Eigen::MatrixXd& gradient, double by) {
    if (gradient.size() > 0) gradient = Eigen::MatrixXd(by * gradient.leftCols(gradient.cols() - 1));
  };
  without_task(moments.mean_gradient, scale);
  without_task(moments.variance_gradient, square);
  without_task(moments.between_gradient, square);
  if (moments.covariance_gradient) {
    moments.covariance_gradient = [whole = std::move(moments.covariance_gradient),
                                   square](const Eigen::MatrixXd& weights) -> Eigen::MatrixXd {
      const Eigen::MatrixXd all = whole(weights);
      return square * all.leftCols(all.cols() - 1);
    };
  }
  return moments;
}

}  // namespace

struct CorrelatedResponses::Impl {
  features::Encoder encoder;
  std::vector<features::ResponseColumn> responses;
  std::vector<Index> tasks;  ///< (m) which the responses are to the one process
  Eigen::VectorXd location;  ///< by task
  Eigen::VectorXd scale;
  std::shared_ptr<const GaussianProcess> process;
};

CorrelatedResponses::CorrelatedResponses(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

CorrelatedResponses::~CorrelatedResponses() = default;

std::shared_ptr<const CorrelatedResponses> CorrelatedResponses::fit(const features::Dataset& data,
                                                                    const GaussianProcessOptions& options,
                                                                    core::RandomKey key,
                                                                    const core::CallControl& control) {
  if (data.m() < 2) {
    throw core::ConfigurationError({.where = "surrogate.CorrelatedResponses.fit",
                                    .expected = "two responses or more",
                                    .received = std::to_string(data.m()),
                                    .place = {},
                                    .hint = "an ordinary Gaussian process learns one"});
  }
  detail::require_coded(data.X, data.encoder, "surrogate.CorrelatedResponses.fit");
  if (data.noise_variance.size() > 0 &&
      (data.noise_variance.rows() != data.n() || data.noise_variance.cols() != data.m())) {
    throw core::DataError({.where = "surrogate.CorrelatedResponses.fit",
                           .expected = "a noise variance of each value",
                           .received = "another shape",
                           .place = {},
                           .hint = {}});
  }
  auto impl = std::make_unique<Impl>();
  impl->encoder = data.encoder;
  impl->responses = data.responses;
  impl->location.resize(data.m());
  impl->scale.resize(data.m());
  for (Index r = 0; r < data.m(); ++r) {
    impl->tasks.push_back(r);
    std::tie(impl->location(r), impl->scale(r)) = standard_of(data, r, options.robust);
  }
  const features::Dataset together = stacked(data, impl->location, impl->scale);
  const auto categorical = std::count_if(
      together.encoder.variables().begin(), together.encoder.variables().end(),
      [](const features::EncodedVariable& one) { return one.kind == process::VariableKind::categorical; });
  Preset base = options.model ? Preset{.name = options.preset, .description = {}, .model = *options.model}
                              : preset(options.preset, together.p() - categorical, categorical);
  base = changed(std::move(base), {.tasks = task});
  GaussianProcessOptions shared = options;
  shared.preset = base.name;
  shared.model = base.model;
  impl->process = GaussianProcess::fit(together, shared, key, control);
  return std::shared_ptr<const CorrelatedResponses>(new CorrelatedResponses(std::move(impl)));
}

const features::Encoder& CorrelatedResponses::encoder() const noexcept {
  return impl_->encoder;
}

const std::vector<features::ResponseColumn>& CorrelatedResponses::responses() const noexcept {
  return impl_->responses;
}

const FitReport& CorrelatedResponses::report() const noexcept {
  return impl_->process->reports().front();
}

std::unique_ptr<Posterior> CorrelatedResponses::posterior(const Eigen::MatrixXd& X,
                                                          const PosteriorRequest& request) const {
  detail::require_coded(X, impl_->encoder, "surrogate.posterior");
  std::vector<Moments> out;
  for (const Index r : impl_->tasks) {
    const std::shared_ptr<const Posterior> one = impl_->process->posterior(of_response(X, r), request);
    out.push_back(in_unit(moments_of(one, 0, request), impl_->location(r), impl_->scale(r), 1.0));
  }
  return std::make_unique<GaussianPosterior>(std::move(out));
}

std::unique_ptr<Posterior> CorrelatedResponses::average(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                                        const PosteriorRequest& request) const {
  detail::require_coded(X, impl_->encoder, "surrogate.average");
  detail::require_levels(X, weights, "surrogate.average");
  std::vector<Moments> out;
  for (const Index r : impl_->tasks) {
    const std::shared_ptr<const Posterior> one = impl_->process->average(of_response(X, r), weights, request);
    out.push_back(in_unit(moments_of(one, 0, request), impl_->location(r), impl_->scale(r), weights.sum()));
  }
  return std::make_unique<GaussianPosterior>(std::move(out));
}

std::vector<std::string> CorrelatedResponses::degraded() const {
  std::vector<std::string> names;
  if (!report().degraded) return names;
  for (const features::ResponseColumn& response : impl_->responses) names.push_back(response.name);
  return names;
}

std::shared_ptr<const Surrogate> CorrelatedResponses::only(const std::vector<Eigen::Index>& responses) const {
  auto impl = std::make_unique<Impl>(*impl_);
  impl->responses.clear();
  impl->tasks.clear();
  for (const Index r : responses) {
    if (r < 0 || r >= std::ssize(impl_->responses)) {
      throw core::ConfigurationError({.where = "surrogate.CorrelatedResponses.only",
                                      .expected = "responses of the surrogate",
                                      .received = std::to_string(r),
                                      .place = {},
                                      .hint = {}});
    }
    impl->responses.push_back(impl_->responses[static_cast<std::size_t>(r)]);
    impl->tasks.push_back(impl_->tasks[static_cast<std::size_t>(r)]);
  }
  return std::shared_ptr<const CorrelatedResponses>(new CorrelatedResponses(std::move(impl)));
}

Eigen::MatrixXd CorrelatedResponses::correlations() const {
  // B of the coregionalisation from its hyperparameters, which are named by task.
  const FitReport& fitted = report();
  const auto m = std::ssize(impl_->tasks);
  const auto value = [&](const std::string& name) {
    const auto at = std::find(fitted.hyperparameter_names.begin(), fitted.hyperparameter_names.end(), name);
    return at == fitted.hyperparameter_names.end()
               ? 0.0
               : std::exp(fitted.hyperparameters(at - fitted.hyperparameter_names.begin()));
  };
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(m, m);
  for (Index a = 0; a < m; ++a) {
    const std::string& first = impl_->responses[static_cast<std::size_t>(a)].name;
    for (Index b = 0; b < m; ++b) {
      const std::string& second = impl_->responses[static_cast<std::size_t>(b)].name;
      for (const char* k : {"0", "1"}) {
        out(a, b) += value("log_loading:tasks:" + first + ":" + k) * value("log_loading:tasks:" + second + ":" + k);
      }
    }
    out(a, a) += value("log_own:tasks:" + first);
  }
  const Eigen::VectorXd sd = out.diagonal().cwiseSqrt();
  return out.array() / (sd * sd.transpose()).array();
}

void CorrelatedResponses::write(Artefact& artefact) const {
  impl_->process->write(artefact);
  core::Json responses = core::Json::array();
  for (std::size_t r = 0; r < impl_->responses.size(); ++r) {
    responses.push_back(core::Json::object()
                            .set("name", impl_->responses[r].name)
                            .set("unit", impl_->responses[r].unit)
                            .set("task", static_cast<std::int64_t>(impl_->tasks[r])));
  }
  artefact.metadata.set(
      key_of_artefact,
      core::Json::object().set("encoder", impl_->encoder.to_json()).set("responses", std::move(responses)));
  artefact.tensors[std::string(key_of_artefact) + "/location"] = detail::to_tensor(impl_->location);
  artefact.tensors[std::string(key_of_artefact) + "/scale"] = detail::to_tensor(impl_->scale);
}

std::shared_ptr<const CorrelatedResponses> CorrelatedResponses::read(const Artefact& artefact) {
  try {
    const core::Json& json = artefact.metadata.at(key_of_artefact);
    auto impl = std::make_unique<Impl>();
    impl->process = GaussianProcess::read(artefact);
    impl->encoder = features::Encoder::from_json(json.at("encoder"));
    impl->location = detail::vector_from(artefact, std::string(key_of_artefact) + "/location");
    impl->scale = detail::vector_from(artefact, std::string(key_of_artefact) + "/scale");
    const auto& inside = impl->process->encoder().variables();
    detail::require_intact(inside.size() == impl->encoder.variables().size() + 1 && inside.back().name == task,
                           "an input more inside, the response", key_of_artefact);
    const auto tasks = static_cast<Index>(inside.back().categories.size());
    detail::require_intact(impl->location.size() == tasks && impl->location.allFinite() &&
                               impl->scale.size() == tasks && impl->scale.allFinite() && impl->scale.minCoeff() > 0.0,
                           "location and scale of each response", key_of_artefact);
    for (const core::Json& one : json.at("responses").as_array()) {
      impl->responses.push_back({one.at("name").as_string(), one.at("unit").as_string()});
      impl->tasks.push_back(one.at("task").as_int());
      detail::require_intact(impl->tasks.back() >= 0 && impl->tasks.back() < tasks, "a task of the process",
                             key_of_artefact);
    }
    return std::shared_ptr<const CorrelatedResponses>(new CorrelatedResponses(std::move(impl)));
  } catch (const core::DataError& error) {  // metadata that is missing or of another type
    detail::throw_damaged("surrogate.CorrelatedResponses.read", error);
  }
}

}  // namespace luban::surrogate
