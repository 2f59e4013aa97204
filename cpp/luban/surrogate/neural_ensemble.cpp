#include <luban/surrogate/neural_ensemble.hpp>

#include <cmath>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/surrogate/detail/inputs.hpp>
#include <luban/surrogate/detail/network.hpp>
#include <luban/surrogate/mixture_posterior.hpp>

namespace luban::surrogate {

namespace {

using Component = MixturePosterior::Component;

void require(bool right, const std::string& expected, const std::string& received) {
  if (right) return;
  throw core::DataError(
      {.where = "surrogate.NeuralEnsemble", .expected = expected, .received = received, .place = {}, .hint = {}});
}

void require_scaling(const NetworkScaling& scaling, Eigen::Index inputs, Eigen::Index responses) {
  const auto positive = [](const Eigen::VectorXd& v) { return v.allFinite() && (v.array() > 0.0).all(); };
  const auto share = [](const Eigen::VectorXd& v) { return (v.array() >= 0.0).all() && (v.array() <= 1.0).all(); };
  require(scaling.input_mean.size() == inputs && scaling.input_mean.allFinite() &&
              scaling.input_scale.size() == inputs && positive(scaling.input_scale),
          "a mean and a positive scale for each of " + std::to_string(inputs) + " inputs", "others");
  require(scaling.output_location.size() == responses && scaling.output_location.allFinite() &&
              scaling.output_scale.size() == responses && positive(scaling.output_scale) &&
              scaling.between_share.size() == responses && share(scaling.between_share),
          "a location, a positive scale and a share for each of " + std::to_string(responses) + " responses", "others");
}

/// Means, noise and gradients of one member for all responses at the rows of X, in the responses' units.
std::vector<Component> components(const NeuralEnsemble& ensemble, const ResidualNetwork& network,
                                  const Eigen::MatrixXd& z, bool gradients) {
  const NetworkScaling& scaling = ensemble.scaling();
  const detail::NetworkPass pass(network, z);
  const Eigen::MatrixXd mean = pass.mean();
  const Eigen::MatrixXd noise = pass.noise_variance();
  const std::vector<Eigen::Index> place = ensemble.encoder().one_hot_places();
  std::vector<Component> out;
  for (Eigen::Index r = 0; r < mean.rows(); ++r) {
    const double scale = scaling.output_scale(r);
    const Eigen::VectorXd variance = scale * scale * noise.row(r).transpose();
    Component one;
    one.mean = scaling.output_location(r) + scale * mean.row(r).transpose().array();
    one.between_variance = scaling.between_share(r) * variance;
    one.within_variance = variance - one.between_variance;
    if (gradients) {
      const Eigen::MatrixXd slope = pass.mean_gradient(r);
      one.mean_gradient = Eigen::MatrixXd::Zero(z.cols(), ensemble.encoder().p());
      for (std::size_t j = 0; j < place.size(); ++j) {
        if (!ensemble.encoder().variables()[j].is_numeric()) continue;  // categories have no slope
        one.mean_gradient.col(static_cast<Eigen::Index>(j)) =
            scale / scaling.input_scale(place[j]) * slope.row(place[j]).transpose();
      }
    }
    out.push_back(std::move(one));
  }
  return out;
}

/// For each response what every member says at the rows of X.
std::vector<std::vector<Component>> by_response(const NeuralEnsemble& ensemble, const Eigen::MatrixXd& X,
                                                bool gradients) {
  const Eigen::MatrixXd z = ensemble.scaling().inputs(ensemble.encoder(), X);
  std::vector<std::vector<Component>> out(ensemble.responses().size());
  for (const ResidualNetwork& network : ensemble.members()) {
    std::vector<Component> of_member = components(ensemble, network, z, gradients);
    for (std::size_t r = 0; r < out.size(); ++r) out[r].push_back(std::move(of_member[r]));
  }
  return out;
}

/// A component at the levels of q points becomes that of their averages. The run effect is one draw for all levels, so
/// its standard deviations add; a reading is taken at one of the levels, and varies with them.
Component averaged(const Component& levels, const Eigen::VectorXd& weights) {
  const Eigen::Index count = weights.size();
  const Eigen::Index q = levels.mean.size() / count;
  const bool gradients = levels.mean_gradient.size() > 0;
  Component out{.mean = Eigen::VectorXd(q),
                .between_variance = Eigen::VectorXd(q),
                .within_variance = Eigen::VectorXd(q),
                .mean_gradient = {}};
  if (gradients) out.mean_gradient.resize(q, levels.mean_gradient.cols());
  for (Eigen::Index i = 0; i < q; ++i) {
    const auto part = [&](const Eigen::VectorXd& values) { return values.segment(i * count, count); };
    out.mean(i) = weights.dot(part(levels.mean));
    out.between_variance(i) = std::pow(weights.dot(part(levels.between_variance).cwiseSqrt()), 2);
    const Eigen::VectorXd around = (part(levels.mean).array() - out.mean(i)).square();
    out.within_variance(i) =
        weights.dot(part(levels.between_variance) + part(levels.within_variance) + around) - out.between_variance(i);
    if (gradients) {
      out.mean_gradient.row(i) = weights.transpose() * levels.mean_gradient.middleRows(i * count, count);
    }
  }
  return out;
}

}  // namespace

Eigen::MatrixXd NetworkScaling::inputs(const features::Encoder& encoder, const Eigen::MatrixXd& X) const {
  Eigen::MatrixXd z = encoder.one_hot(X).transpose();
  z.colwise() -= input_mean;
  z.array().colwise() /= input_scale.array();
  return z;
}

Eigen::MatrixXd noise_variance(const ResidualNetwork& network, const Eigen::MatrixXd& z) {
  return detail::NetworkPass(network, z).noise_variance();
}

NeuralEnsemble::NeuralEnsemble(features::Encoder encoder, std::vector<features::ResponseColumn> responses,
                               NetworkScaling scaling, std::vector<ResidualNetwork> members)
    : encoder_(std::move(encoder)),
      responses_(std::move(responses)),
      scaling_(std::move(scaling)),
      members_(std::move(members)) {
  const auto m = static_cast<Eigen::Index>(responses_.size());
  require(m > 0, "at least one response", "none");
  require(members_.size() >= 2, "at least two members: their disagreement is the uncertainty",
          std::to_string(members_.size()));
  require_scaling(scaling_, encoder_.one_hot_width(), m);
  for (std::size_t k = 0; k < members_.size(); ++k) {
    detail::require_network(members_[k], encoder_.one_hot_width(), m, "member " + std::to_string(k));
  }
}

std::unique_ptr<Posterior> NeuralEnsemble::posterior(const Eigen::MatrixXd& X, const PosteriorRequest& request) const {
  detail::require_coded(X, encoder_, "surrogate.posterior");
  return std::make_unique<MixturePosterior>(by_response(*this, X, request.gradients), request.joint);
}

std::unique_ptr<Posterior> NeuralEnsemble::average(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                                   const PosteriorRequest& request) const {
  detail::require_coded(X, encoder_, "surrogate.average");
  detail::require_levels(X, weights, "surrogate.average");
  std::vector<std::vector<Component>> levels = by_response(*this, X, request.gradients);
  for (std::vector<Component>& members : levels) {
    for (Component& one : members) one = averaged(one, weights);
  }
  return std::make_unique<MixturePosterior>(std::move(levels), request.joint);
}

std::shared_ptr<const Surrogate> NeuralEnsemble::only(const std::vector<Eigen::Index>& responses) const {
  const auto m = static_cast<Eigen::Index>(responses_.size());
  std::vector<Eigen::Index> rows;
  std::vector<features::ResponseColumn> kept;
  for (const Eigen::Index r : responses) {
    if (r < 0 || r >= m) {
      throw core::ConfigurationError({.where = "surrogate.NeuralEnsemble.only",
                                      .expected = "indices from 0 to " + std::to_string(m) + " exclusive",
                                      .received = std::to_string(r),
                                      .place = {},
                                      .hint = {}});
    }
    kept.push_back(responses_[static_cast<std::size_t>(r)]);
  }
  rows = responses;
  for (const Eigen::Index r : responses) rows.push_back(m + r);
  NetworkScaling scaling = scaling_;
  scaling.output_location = scaling_.output_location(responses).eval();
  scaling.output_scale = scaling_.output_scale(responses).eval();
  scaling.between_share = scaling_.between_share(responses).eval();
  std::vector<ResidualNetwork> members = members_;
  for (ResidualNetwork& network : members) {
    network.head.weight = network.head.weight(rows, Eigen::all).eval();
    network.head.bias = network.head.bias(rows).eval();
  }
  return std::make_shared<const NeuralEnsemble>(encoder_, std::move(kept), std::move(scaling), std::move(members));
}

}  // namespace luban::surrogate
