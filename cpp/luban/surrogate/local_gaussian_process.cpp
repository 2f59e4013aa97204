#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/features/reduction.hpp>
#include <luban/features/robust_weights.hpp>
#include <luban/parallel/arena.hpp>
#include <luban/surrogate/detail/fit_response.hpp>
#include <luban/surrogate/detail/inputs.hpp>
#include <luban/surrogate/gaussian_process_impl.hpp>
#include <luban/surrogate/local_gaussian_process_impl.hpp>
#include <luban/surrogate/presets.hpp>

namespace luban::surrogate {

namespace {

using Index = Eigen::Index;

void require_option(bool right, const char* expected, Index received, const char* option) {
  if (right) return;
  throw core::ConfigurationError({.where = "surrogate.LocalGaussianProcess.fit",
                                  .expected = expected,
                                  .received = std::to_string(received),
                                  .place = std::string("option ") + option,
                                  .hint = {}});
}

void require_options(const LocalGaussianProcessOptions& options, const features::Dataset& data) {
  require_option(options.neighbours >= 5 && options.neighbours <= 500, "5 to 500", options.neighbours, "neighbours");
  require_option(options.learned_from >= 50 && options.learned_from <= 5000, "50 to 5000", options.learned_from,
                 "learned_from");
  const GaussianProcessOptions& process = options.process;
  require_option(process.starts >= 1 && process.starts <= 64, "1 to 64", process.starts, "starts");
  require_option(process.max_iterations >= 1, "at least 1", process.max_iterations, "max_iterations");
  require_option(process.threads >= 0, "0 (the CPU budget) or more", process.threads, "threads");
  const auto warm = static_cast<Index>(process.warm_starts.size());
  require_option(warm == 0 || warm == data.m(), "none or one per response", warm, "warm_starts");
  if (data.noise_variance.size() > 0) {
    throw core::ConfigurationError({.where = "surrogate.LocalGaussianProcess.fit",
                                    .expected = "readings whose variances are not known beforehand",
                                    .received = "known ones",
                                    .place = "noise_variance of the dataset",
                                    .hint = "an exact Gaussian process takes them"});
  }
}

std::vector<std::size_t> shuffled(std::size_t count, core::RandomKey key) {
  std::vector<std::size_t> out(count);
  for (std::size_t i = 0; i < count; ++i) out[i] = i;
  core::Generator generator = key.generator();
  for (std::size_t i = count; i > 1; --i) std::swap(out[i - 1], out[generator.below(i)]);
  return out;
}

// The part of the runs that hyperparameters are found on: one that shows the same levels of noise as everything.
std::shared_ptr<const detail::LogPosterior> part_of(const detail::LogPosterior& all, const ModelSpec& model,
                                                    Index points, core::RandomKey key) {
  const std::vector<std::size_t> order = shuffled(all.data().runs.size(), key);
  return std::make_shared<const detail::LogPosterior>(model, all.shared_covariance(),
                                                      detail::first_runs(all.data(), order, points), all.present());
}

struct Learned {
  std::shared_ptr<const detail::LocalProcess> process;
  FitReport report;
};

Learned learn(const features::Dataset& data, Index response, const ModelSpec& model,
              const std::shared_ptr<const detail::Covariance>& covariance, const LocalGaussianProcessOptions& options,
              core::RandomKey key, const core::CallControl& control) {
  const GaussianProcessOptions& process = options.process;
  const auto at = static_cast<std::size_t>(response);
  const Eigen::ArrayXd values = data.Y.col(response).array();
  const Eigen::VectorXd weights =
      process.robust ? features::robust_weights(data, response) : Eigen::VectorXd((!values.isNaN()).cast<double>());
  const auto all = std::make_shared<const detail::LogPosterior>(
      model, covariance, detail::standardise(features::reduce(data, response, weights)));
  const auto part = part_of(*all, model, options.learned_from, key.child("part"));
  const Eigen::VectorXd warm = process.warm_starts.empty() ? Eigen::VectorXd() : process.warm_starts[at];
  detail::Optimum optimum = detail::maximise(*part, model, process, warm, key, control);
  optimum.work = {};  // of the part alone
  FitReport report;
  report.log_posterior = optimum.log_posterior;
  report.log_likelihood = optimum.log_likelihood;
  report.evaluations = optimum.evaluations;
  report.starts_converged = optimum.converged;
  report.readings = all->data().n;
  report.points = all->data().u();
  report.runs = std::ssize(all->data().runs);
  report.gross_errors = (weights.array() == 0.0 && !values.isNaN()).count();
  report.hyperparameters = optimum.theta;
  for (const detail::Hyperparameter& one : all->hyperparameters()) report.hyperparameter_names.push_back(one.name);
  return {std::make_shared<const detail::LocalProcess>(model, all, optimum.theta, options.neighbours), report};
}

}  // namespace

LocalGaussianProcess::LocalGaussianProcess(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

LocalGaussianProcess::~LocalGaussianProcess() = default;

std::shared_ptr<const LocalGaussianProcess> LocalGaussianProcess::fit(const features::Dataset& data,
                                                                      const LocalGaussianProcessOptions& options,
                                                                      core::RandomKey key,
                                                                      const core::CallControl& control) {
  require_options(options, data);
  detail::require_coded(data.X, data.encoder, "surrogate.LocalGaussianProcess.fit");
  auto impl = std::make_unique<Impl>();
  const GaussianProcessOptions& process = options.process;
  const auto categorical = std::count_if(
      data.encoder.variables().begin(), data.encoder.variables().end(),
      [](const features::EncodedVariable& one) { return one.kind == process::VariableKind::categorical; });
  impl->model = process.model ? *process.model
                              : surrogate::preset(process.preset, data.encoder.p() - categorical, categorical).model;
  impl->preset = process.preset;
  impl->encoder = data.encoder;
  impl->responses = data.responses;
  impl->neighbours = options.neighbours;
  const auto covariance = std::make_shared<const detail::Covariance>(impl->model, data.encoder);
  std::vector<Learned> learned(data.responses.size());
  parallel::with_threads(process.threads, [&] {
    parallel::for_each_index(
        learned.size(),
        [&](std::size_t r) {
          learned[r] = learn(data, static_cast<Index>(r), impl->model, covariance, options,
                             key.child(data.responses[r].name), control);
        },
        process.threads, control);
  });
  for (Learned& one : learned) {
    impl->processes.push_back(std::move(one.process));
    impl->reports.push_back(std::move(one.report));
  }
  return std::shared_ptr<const LocalGaussianProcess>(new LocalGaussianProcess(std::move(impl)));
}

const features::Encoder& LocalGaussianProcess::encoder() const noexcept {
  return impl_->encoder;
}

const std::vector<features::ResponseColumn>& LocalGaussianProcess::responses() const noexcept {
  return impl_->responses;
}

const std::vector<FitReport>& LocalGaussianProcess::reports() const noexcept {
  return impl_->reports;
}

Eigen::Index LocalGaussianProcess::neighbours() const noexcept {
  return impl_->neighbours;
}

std::unique_ptr<Posterior> LocalGaussianProcess::posterior(const Eigen::MatrixXd& X,
                                                           const PosteriorRequest& request) const {
  detail::require_coded(X, impl_->encoder, "surrogate.posterior");
  std::vector<GaussianPosterior::Moments> moments;
  for (const auto& one : impl_->processes) moments.push_back(one->moments(X, request));
  return std::make_unique<GaussianPosterior>(std::move(moments));
}

std::unique_ptr<Posterior> LocalGaussianProcess::average(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                                         const PosteriorRequest& request) const {
  detail::require_coded(X, impl_->encoder, "surrogate.average");
  detail::require_levels(X, weights, "surrogate.average");
  std::vector<GaussianPosterior::Moments> moments;
  for (const auto& one : impl_->processes) moments.push_back(one->average(X, weights, request));
  return std::make_unique<GaussianPosterior>(std::move(moments));
}

std::vector<std::string> LocalGaussianProcess::degraded() const {
  return degraded_responses(impl_->responses, impl_->reports);
}

std::shared_ptr<const Surrogate> LocalGaussianProcess::only(const std::vector<Eigen::Index>& responses) const {
  auto impl = std::make_unique<Impl>(*impl_);
  impl->responses.clear();
  impl->processes.clear();
  impl->reports.clear();
  for (const Index r : responses) {
    require_option(r >= 0 && r < std::ssize(impl_->responses), "responses of the surrogate", r, "responses");
    const auto at = static_cast<std::size_t>(r);
    impl->responses.push_back(impl_->responses[at]);
    impl->processes.push_back(impl_->processes[at]);
    impl->reports.push_back(impl_->reports[at]);
  }
  return std::shared_ptr<const LocalGaussianProcess>(new LocalGaussianProcess(std::move(impl)));
}

}  // namespace luban::surrogate
