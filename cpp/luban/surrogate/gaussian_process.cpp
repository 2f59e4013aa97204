#include <luban/surrogate/gaussian_process.hpp>

#include <cmath>
#include <mutex>
#include <optional>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/parallel/arena.hpp>
#include <luban/surrogate/detail/inputs.hpp>
#include <luban/surrogate/gaussian_process_impl.hpp>
#include <luban/surrogate/presets.hpp>

namespace luban::surrogate {

namespace {

constexpr double most_quiet_noise = 0.0025;  ///< share of the response's variance that is next to no noise

void require_option(bool right, const char* expected, int received, const char* option) {
  if (right) return;
  throw core::ConfigurationError({.where = "surrogate.GaussianProcess.fit",
                                  .expected = expected,
                                  .received = std::to_string(received),
                                  .place = std::string("option ") + option,
                                  .hint = {}});
}

void require_options(const GaussianProcessOptions& options, Eigen::Index responses) {
  require_option(options.starts >= 1 && options.starts <= 64, "1 to 64", options.starts, "starts");
  require_option(options.max_iterations >= 1, "at least 1", options.max_iterations, "max_iterations");
  require_option(options.threads >= 0, "0 (the CPU budget) or more", options.threads, "threads");
  const auto warm = static_cast<Eigen::Index>(options.warm_starts.size());
  require_option(warm == 0 || warm == responses, "none or one per response", static_cast<int>(warm), "warm_starts");
}

void require_known_variances(const features::Dataset& data) {
  const Eigen::MatrixXd& known = data.noise_variance;
  if (known.size() == 0) return;
  const auto refuse = [](std::string expected, std::string received, std::string place) {
    throw core::DataError({.where = "surrogate.GaussianProcess.fit",
                           .expected = std::move(expected),
                           .received = std::move(received),
                           .place = std::move(place),
                           .hint = "variances are in squared units of the response"});
  };
  if (known.rows() != data.n() || known.cols() != data.m()) {
    refuse("noise variances (" + std::to_string(data.n()) + ", " + std::to_string(data.m()) + ")",
           "(" + std::to_string(known.rows()) + ", " + std::to_string(known.cols()) + ")", {});
  }
  for (Eigen::Index r = 0; r < data.m(); ++r) {
    for (Eigen::Index i = 0; i < data.n(); ++i) {
      if (std::isnan(data.Y(i, r)) || (known(i, r) > 0.0 && std::isfinite(known(i, r)))) continue;
      refuse("a finite noise variance above 0 for each value", core::number_text(known(i, r)),
             "reading " + std::to_string(i) + " of " + data.responses[static_cast<std::size_t>(r)].name);
    }
  }
}

Eigen::Index numeric_inputs(const features::Encoder& encoder) {
  Eigen::Index out = 0;
  for (const features::EncodedVariable& variable : encoder.variables()) {
    out += variable.kind == process::VariableKind::categorical ? 0 : 1;
  }
  return out;
}

GaussianProcessOptions from_one_start(GaussianProcessOptions options, Eigen::Index responses) {
  options.starts = 1;
  options.warm_starts.clear();
  require_options(options, responses);
  return options;
}

/// One model, fitted to responses.
class ResponseFit {
 public:
  ResponseFit(const ModelSpec& model, const features::Encoder& encoder)
      : model_(&model), covariance_(std::make_shared<const detail::Covariance>(model, encoder)) {}
  [[nodiscard]] detail::FittedResponse fit(const features::Dataset& data, std::size_t response,
                                           const GaussianProcessOptions& options, const detail::WarmStart& start,
                                           core::RandomKey key, const core::CallControl& control) const {
    return detail::fit_response(data, static_cast<Eigen::Index>(response), *model_, covariance_, options, start, key,
                                control);
  }

 private:
  const ModelSpec* model_;
  std::shared_ptr<const detail::Covariance> covariance_;
};

bool next_to_no_noise(const detail::FittedResponse& fitted) {
  const detail::NoiseVariances noise = fitted.process->target().noise(fitted.process->theta());
  return noise.between + noise.point + noise.within < most_quiet_noise;
}

/// Where a fit of the same response may begin. @param same_unit with values in the same unit.
detail::WarmStart start_at(const detail::FittedResponse& fitted, bool same_unit) {
  detail::WarmStart start{.theta = fitted.process->theta(), .names = fitted.report.hyperparameter_names};
  if (same_unit) start.scale = fitted.process->target().data().scale;
  return start;
}

}  // namespace

GaussianProcess::GaussianProcess(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

GaussianProcess::~GaussianProcess() = default;

std::shared_ptr<const GaussianProcess> GaussianProcess::fit(const features::Dataset& data,
                                                            const GaussianProcessOptions& options, core::RandomKey key,
                                                            const core::CallControl& control) {
  require_options(options, data.m());
  std::vector<detail::WarmStart> starts(data.responses.size());
  for (std::size_t r = 0; r < options.warm_starts.size(); ++r) starts[r].theta = options.warm_starts[r];
  return fit_each(data, options, starts, key, control);
}

std::vector<detail::WarmStart> GaussianProcess::starts_like(const features::Dataset& data, bool same_unit) const {
  std::vector<detail::WarmStart> starts(data.responses.size());
  for (std::size_t r = 0; r < starts.size(); ++r) {
    for (std::size_t k = 0; k < impl_->responses.size(); ++k) {
      if (impl_->responses[k].name != data.responses[r].name) continue;
      starts[r] = start_at(impl_->fitted[k], same_unit);
      starts[r].curvature = impl_->fitted[k].curvature;
    }
  }
  return starts;
}

std::shared_ptr<const GaussianProcess> GaussianProcess::fit_from(const GaussianProcess& earlier,
                                                                 const features::Dataset& data,
                                                                 const GaussianProcessOptions& options,
                                                                 core::RandomKey key,
                                                                 const core::CallControl& control) {
  return fit_each(data, from_one_start(options, data.m()), earlier.starts_like(data, true), key, control);
}

std::shared_ptr<const GaussianProcess> GaussianProcess::fit_like(const GaussianProcess& earlier,
                                                                 const features::Dataset& data,
                                                                 const GaussianProcessOptions& options,
                                                                 core::RandomKey key,
                                                                 const core::CallControl& control) {
  return fit_each(data, from_one_start(options, data.m()), earlier.starts_like(data, false), key, control);
}

Eigen::VectorXd GaussianProcess::log_likelihoods_like(const features::Dataset& data) const {
  const std::vector<detail::WarmStart> starts = starts_like(data, false);
  const auto covariance = std::make_shared<const detail::Covariance>(impl_->model, data.encoder);
  Eigen::VectorXd out(data.m());
  for (Eigen::Index r = 0; r < data.m(); ++r) {
    out(r) = detail::log_likelihood_at(starts[static_cast<std::size_t>(r)], data, r, impl_->model, covariance);
  }
  return out;
}

std::shared_ptr<const GaussianProcess> GaussianProcess::fit_each(const features::Dataset& data,
                                                                 const GaussianProcessOptions& options,
                                                                 const std::vector<detail::WarmStart>& starts,
                                                                 core::RandomKey key,
                                                                 const core::CallControl& control) {
  detail::require_coded(data.X, data.encoder, "surrogate.GaussianProcess.fit");
  require_known_variances(data);
  const Eigen::Index numeric = numeric_inputs(data.encoder);
  auto impl = std::make_unique<Impl>();
  const Preset preset = options.model ? Preset{options.preset, {}, *options.model}
                                      : surrogate::preset(options.preset, numeric, data.encoder.p() - numeric);
  impl->model = preset.quiet.value_or(preset.model);
  const ResponseFit first(preset.model, data.encoder);
  std::optional<ResponseFit> quiet;
  if (preset.quiet) quiet.emplace(*preset.quiet, data.encoder);
  impl->encoder = data.encoder;
  impl->responses = data.responses;
  impl->preset = options.preset;
  impl->fitted.resize(data.responses.size());
  std::mutex reporting;
  std::int64_t done = 0;
  const auto fit_one = [&](std::size_t r) {
    const core::RandomKey own = key.child(data.responses[r].name);
    detail::FittedResponse& fitted = impl->fitted[r];
    fitted = first.fit(data, r, options, starts[r], own, control);
    if (quiet && next_to_no_noise(fitted)) {
      const int before = fitted.report.evaluations;
      fitted = quiet->fit(data, r, from_one_start(options, data.m()), start_at(fitted, true), own, control);
      fitted.report.evaluations += before;
    }
    const std::lock_guard lock(reporting);
    control.report({.phase = "fit responses", .done = ++done, .total = static_cast<std::int64_t>(data.m())});
  };
  // Responses, starts and the pieces of large matrices share the threads.
  parallel::with_threads(options.threads,
                         [&] { parallel::for_each_index(data.responses.size(), fit_one, options.threads, control); });
  for (const detail::FittedResponse& one : impl->fitted) impl->reports.push_back(one.report);
  return std::shared_ptr<const GaussianProcess>(new GaussianProcess(std::move(impl)));
}

const features::Encoder& GaussianProcess::encoder() const noexcept {
  return impl_->encoder;
}

const std::vector<features::ResponseColumn>& GaussianProcess::responses() const noexcept {
  return impl_->responses;
}

const std::vector<FitReport>& GaussianProcess::reports() const noexcept {
  return impl_->reports;
}

const std::string& GaussianProcess::preset() const noexcept {
  return impl_->preset;
}

std::vector<std::string> degraded_responses(const std::vector<features::ResponseColumn>& responses,
                                            const std::vector<FitReport>& reports) {
  std::vector<std::string> names;
  for (std::size_t r = 0; r < reports.size(); ++r) {
    if (reports[r].degraded) names.push_back(responses[r].name);
  }
  return names;
}

std::vector<std::string> GaussianProcess::degraded() const {
  return degraded_responses(impl_->responses, impl_->reports);
}

std::shared_ptr<const Surrogate> GaussianProcess::only(const std::vector<Eigen::Index>& responses) const {
  auto impl = std::make_unique<Impl>();
  impl->encoder = impl_->encoder;
  impl->preset = impl_->preset;
  impl->model = impl_->model;
  for (const Eigen::Index r : responses) {
    require_option(r >= 0 && r < std::ssize(impl_->responses), "responses of the surrogate", static_cast<int>(r),
                   "responses");
    const auto at = static_cast<std::size_t>(r);
    impl->responses.push_back(impl_->responses[at]);
    impl->fitted.push_back(impl_->fitted[at]);
    impl->reports.push_back(impl_->reports[at]);
  }
  return std::shared_ptr<const GaussianProcess>(new GaussianProcess(std::move(impl)));
}

std::unique_ptr<Posterior> GaussianProcess::posterior(const Eigen::MatrixXd& X, const PosteriorRequest& request) const {
  detail::require_coded(X, impl_->encoder, "surrogate.posterior");
  std::vector<GaussianPosterior::Moments> moments;
  for (const detail::FittedResponse& one : impl_->fitted) moments.push_back(one.process->moments(X, request));
  return std::make_unique<GaussianPosterior>(std::move(moments));
}

Eigen::MatrixXd GaussianProcess::mean(const Eigen::MatrixXd& X) const {
  detail::require_coded(X, impl_->encoder, "surrogate.mean");
  Eigen::MatrixXd out(X.rows(), std::ssize(impl_->fitted));
  for (std::size_t r = 0; r < impl_->fitted.size(); ++r) {
    out.col(static_cast<Eigen::Index>(r)) = impl_->fitted[r].process->posterior_mean(X);
  }
  return out;
}

std::unique_ptr<Posterior> GaussianProcess::average(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                                    const PosteriorRequest& request) const {
  detail::require_coded(X, impl_->encoder, "surrogate.average");
  detail::require_levels(X, weights, "surrogate.average");
  std::vector<GaussianPosterior::Moments> moments;
  for (const detail::FittedResponse& one : impl_->fitted) moments.push_back(one.process->average(X, weights, request));
  return std::make_unique<GaussianPosterior>(std::move(moments));
}

std::unique_ptr<Posterior> GaussianProcess::prior(const Eigen::MatrixXd& X, const PosteriorRequest& request) const {
  detail::require_coded(X, impl_->encoder, "surrogate.prior");
  std::vector<GaussianPosterior::Moments> moments;
  for (const detail::FittedResponse& one : impl_->fitted) moments.push_back(one.process->prior(X, request));
  return std::make_unique<GaussianPosterior>(std::move(moments));
}

double GaussianProcess::between_sd(Eigen::Index response) const {
  return std::sqrt(impl_->fitted.at(static_cast<std::size_t>(response)).process->noise().between);
}

double GaussianProcess::between_points_sd(Eigen::Index response) const {
  return std::sqrt(impl_->fitted.at(static_cast<std::size_t>(response)).process->noise().point);
}

double GaussianProcess::within_sd(Eigen::Index response) const {
  return std::sqrt(impl_->fitted.at(static_cast<std::size_t>(response)).process->noise().within);
}

}  // namespace luban::surrogate
