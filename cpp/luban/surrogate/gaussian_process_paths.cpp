#include <cmath>
#include <string>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/surrogate/detail/dense.hpp>
#include <luban/surrogate/detail/inputs.hpp>
#include <luban/surrogate/detail/random_features.hpp>
#include <luban/surrogate/gaussian_process_impl.hpp>

namespace luban::surrogate {

namespace {

// Paths of one response: mean + Σ_f w_f φ_f + c, moved by K(x, X) u, on the scale of the training data.
struct ResponsePaths {
  std::shared_ptr<const detail::Conditioned> process;
  detail::RandomFeatures features;
  Eigen::MatrixXd weights;       ///< (features, count)
  Eigen::RowVectorXd constants;  ///< (count) of the mean's prior, 0 where it has none
  Eigen::MatrixXd moves;         ///< (n, count) C⁻¹ (y − prior path − noise)
};

// What readings of a path at the training points add to it: effects of runs, of points in runs, of the readings.
Eigen::VectorXd noise_of(const detail::Conditioned& process, core::Generator& generator) {
  const detail::TrainingData& data = process.target().data();
  const detail::NoiseVariances noise = process.target().noise(process.theta());
  Eigen::VectorXd out(data.u());
  for (const std::vector<Eigen::Index>& rows : data.runs) {
    const double run = std::sqrt(noise.between) * generator.normal();
    for (const Eigen::Index row : rows) {
      out(row) = run + std::sqrt(noise.point + noise.within / data.weight(row)) * generator.normal();
    }
  }
  return out;
}

ResponsePaths drawn(const std::shared_ptr<const detail::Conditioned>& process, Eigen::Index count, core::RandomKey key,
                    Eigen::Index pairs) {
  const detail::LogPosterior& target = process->target();
  ResponsePaths out{process,
                    detail::RandomFeatures(target.shared_covariance(), process->theta(), pairs, key.child("features")),
                    {},
                    Eigen::RowVectorXd(count),
                    Eigen::MatrixXd(target.data().u(), count)};
  out.weights.resize(out.features.count(), count);
  for (Eigen::Index path = 0; path < count; ++path) {
    core::Generator generator = key.child("path").child(static_cast<std::uint64_t>(path)).generator();
    for (double& weight : out.weights.col(path)) weight = generator.normal();
    out.constants(path) = std::sqrt(process->constant()) * generator.normal();
    out.moves.col(path) = target.data().y - noise_of(*process, generator);
  }
  out.moves.array() -= process->mean();
  out.moves.rowwise() -= out.constants;
  detail::add_product(-1.0, out.features.values(target.points()), detail::Transpose::no, out.weights,
                      detail::Transpose::no, out.moves);
  out.moves = process->solve(out.moves);
  return out;
}

void require_index(bool right, const std::string& expected, Eigen::Index received, const char* argument) {
  if (right) return;
  throw core::ConfigurationError({.where = "surrogate.GaussianProcess.paths",
                                  .expected = expected,
                                  .received = std::to_string(received),
                                  .place = std::string("argument ") + argument,
                                  .hint = {}});
}

}  // namespace

struct PosteriorPaths::Impl {
  features::Encoder encoder;
  Eigen::Index count = 0;
  std::vector<ResponsePaths> responses;

  [[nodiscard]] const ResponsePaths& of(Eigen::Index response, const Eigen::MatrixXd& X) const {
    require_index(response >= 0 && response < std::ssize(responses),
                  "a response from 0 to " + std::to_string(responses.size() - 1), response, "response");
    detail::require_coded(X, encoder, "surrogate.PosteriorPaths");
    return responses[static_cast<std::size_t>(response)];
  }
};

PosteriorPaths GaussianProcess::paths(Eigen::Index count, core::RandomKey key, Eigen::Index features) const {
  require_index(count >= 1, "at least 1", count, "count");
  require_index(features >= 1, "at least 1", features, "features");
  auto impl = std::make_shared<PosteriorPaths::Impl>();
  impl->encoder = impl_->encoder;
  impl->count = count;
  for (std::size_t r = 0; r < impl_->fitted.size(); ++r) {
    impl->responses.push_back(drawn(impl_->fitted[r].process, count, key.child(impl_->responses[r].name), features));
  }
  return PosteriorPaths(std::move(impl));
}

Eigen::Index PosteriorPaths::count() const noexcept {
  return impl_->count;
}

Eigen::Index PosteriorPaths::m() const noexcept {
  return std::ssize(impl_->responses);
}

Eigen::MatrixXd PosteriorPaths::values(Eigen::Index response, const Eigen::MatrixXd& X) const {
  const ResponsePaths& one = impl_->of(response, X);
  const detail::Conditioned& process = *one.process;
  const detail::TrainingData& data = process.target().data();
  const detail::Covariance& covariance = process.target().covariance();
  const detail::Points points = covariance.points(X);
  Eigen::MatrixXd cross = covariance.cross(process.theta(), process.coordinates(), points).value;
  cross.array() += process.constant();
  Eigen::MatrixXd out = one.constants.array().replicate(X.rows(), 1) + process.mean();
  detail::add_product(1.0, one.features.values(points), detail::Transpose::no, one.weights, detail::Transpose::no, out);
  detail::add_product(1.0, cross, detail::Transpose::yes, one.moves, detail::Transpose::no, out);
  return (data.scale * out).array() + data.location;
}

Eigen::MatrixXd PosteriorPaths::gradient(Eigen::Index response, Eigen::Index path, const Eigen::MatrixXd& X) const {
  const ResponsePaths& one = impl_->of(response, X);
  require_index(path >= 0 && path < count(), "a path from 0 to " + std::to_string(count() - 1), path, "path");
  const detail::Conditioned& process = *one.process;
  const detail::Covariance& covariance = process.target().covariance();
  const detail::Points points = covariance.points(X);
  const detail::Covariance::Cross cross = covariance.cross(process.theta(), process.coordinates(), points);
  const Eigen::MatrixXd moves = one.moves.col(path).replicate(1, X.rows());
  const Eigen::MatrixXd moved = covariance.input_gradients(process.theta(), cross, {&moves})[0];
  return process.target().data().scale * (one.features.gradient(points, one.weights.col(path)) + moved);
}

}  // namespace luban::surrogate
