#include <luban/recommend/joint_samples.hpp>

#include <cmath>
#include <string>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/recommend/detail/cholesky.hpp>
#include <luban/recommend/detail/smooth.hpp>

namespace luban::recommend {
namespace {

using surrogate::PosteriorBeside;
using surrogate::PullbackWeights;
using surrogate::SurrogateBeside;
using surrogate::VarianceOf;

void refuse(const std::string& expected, const std::string& received) {
  throw core::DataError(
      {.where = "recommend.joint_samples", .expected = expected, .received = received, .place = {}, .hint = {}});
}

Eigen::VectorXd units_of(const SurrogateBeside& beside, const Eigen::VectorXd& stated) {
  const Eigen::Index m = beside.fixed().m();
  if (stated.size() == 0) {
    return beside.fixed_points().rows() < 2 ? Eigen::VectorXd::Ones(m) : response_units(beside.fixed());
  }
  if (stated.size() != m || !stated.allFinite() || !(stated.array() > 0.0).all()) {
    refuse("a unit above 0 for each of " + std::to_string(m) + " responses",
           std::to_string(stated.size()) + ", or one that is not");
  }
  return stated;
}

/// Base samples per source; sources of the same response share theirs, so that they agree with each other.
BaseSamples base_of(const std::vector<Eigen::Index>& responses, Eigen::Index b, const JointSampling& sampling,
                    core::RandomKey key) {
  std::vector<Eigen::Index> distinct;
  std::vector<std::size_t> place;
  for (const Eigen::Index response : responses) {
    std::size_t at = 0;
    while (at < distinct.size() && distinct[at] != response) ++at;
    if (at == distinct.size()) distinct.push_back(response);
    place.push_back(at);
  }
  const BaseSamples drawn = BaseSamples::draw(std::ssize(distinct), sampling.q, b, sampling.samples, key);
  BaseSamples out;
  for (const std::size_t at : place) {
    out.points.push_back(drawn.points[at]);
    out.fixed.push_back(drawn.fixed[at]);
  }
  return out;
}

void require_base(const BaseSamples& base, std::size_t sources, const JointSampling& sampling, Eigen::Index b) {
  bool fits = base.points.size() == sources && base.fixed.size() == sources;
  for (std::size_t i = 0; fits && i < sources; ++i) {
    fits = base.points[i].rows() == sampling.q && base.points[i].cols() == sampling.samples &&
           base.fixed[i].rows() == b && base.fixed[i].cols() == sampling.samples;
  }
  if (fits) return;
  refuse("base samples for " + std::to_string(sources) + " utilities and bounds, " + std::to_string(sampling.q) +
             " points, " + std::to_string(b) + " fixed ones and " + std::to_string(sampling.samples) + " samples",
         "others");
}

}  // namespace

Eigen::VectorXd response_units(const surrogate::Posterior& posterior) {
  return response_units(posterior.mean(), posterior.variance(VarianceOf::latent));
}

Eigen::VectorXd response_units(const Eigen::MatrixXd& mean, const Eigen::MatrixXd& variance) {
  const Eigen::RowVectorXd centre = mean.colwise().mean();
  const Eigen::RowVectorXd spread = (mean.rowwise() - centre).cwiseAbs2().colwise().mean() + variance.colwise().mean();
  const Eigen::RowVectorXd size = mean.cwiseAbs().colwise().maxCoeff();
  return spread.cwiseSqrt().cwiseMax(1e-9 * size).cwiseMax(1e-150).transpose();
}

JointSamples::JointSamples(const SurrogateBeside& beside, std::vector<Utility> utilities,
                           const std::vector<OutcomeBound>& bounds, const JointSampling& sampling, core::RandomKey key)
    : q_(sampling.q),
      b_(beside.fixed_points().rows()),
      samples_(sampling.samples),
      indicator_temperature_(sampling.indicator_temperature),
      units_(units_of(beside, sampling.units)),
      utilities_(std::move(utilities)) {
  if (!(indicator_temperature_ > 0.0)) refuse("a temperature above 0", std::to_string(indicator_temperature_));
  std::vector<Eigen::Index> responses;
  for (const Utility& utility : utilities_) responses.push_back(utility.response);
  for (const OutcomeBound& bound : bounds) {
    if (bound.exact || (!std::isfinite(bound.lower) && !std::isfinite(bound.upper))) continue;
    bounds_.push_back(bound);
    responses.push_back(bound.response);
  }
  for (const Eigen::Index response : responses) require_response(response, beside.fixed().m());
  BaseSamples base = sampling.base ? *sampling.base : base_of(responses, b_, sampling, key);
  require_base(base, responses.size(), sampling, b_);
  for (std::size_t i = 0; i < responses.size(); ++i) {
    const bool bound = i >= utilities_.size();
    const double calibration = bound ? bounds_[i - utilities_.size()].calibration : 1.0;
    add_source(beside, responses[i], bound ? VarianceOf::run_mean : VarianceOf::latent, calibration * calibration,
               std::move(base.points[i]), std::move(base.fixed[i]));
  }
  fixed_log_feasible_ = Eigen::MatrixXd::Zero(b_, samples_);
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    const Eigen::MatrixXd values = fixed_values(beside, sources_[i]);
    if (i < utilities_.size()) {
      fixed_utility_.emplace_back(values.unaryExpr([&](double y) { return utilities_[i].of(y); }));
    } else {
      add_log_feasible(i - utilities_.size(), values, fixed_log_feasible_);
    }
  }
}

void JointSamples::add_source(const SurrogateBeside& beside, Eigen::Index response, VarianceOf of, double spread,
                              Eigen::MatrixXd z, Eigen::MatrixXd z_fixed) {
  Source source{response, of, spread, std::move(z), std::move(z_fixed), {}};
  if (b_ > 0) {
    const Eigen::MatrixXd S = spread * beside.fixed().covariance(response, of);
    // At measured points without noise the latent variances are little more than rounding: a run's tell the scale.
    const double scale = spread * beside.fixed().variance(VarianceOf::run_mean).col(response).cwiseAbs().mean();
    detail::SmallCholesky factor = detail::small_cholesky(S, std::max(scale, 1e-300));
    if (!factor.usable) {
      throw core::NumericalError({.where = "recommend.joint_samples",
                                  .expected = "a positive definite covariance of the fixed points",
                                  .received = "one that is not",
                                  .place = "response " + std::to_string(response),
                                  .hint = "report the model: its joint covariance is wrong"});
    }
    source.lower_fixed = std::move(factor.lower);
  }
  sources_.push_back(std::move(source));
}

Eigen::MatrixXd JointSamples::fixed_values(const SurrogateBeside& beside, const Source& source) const {
  if (b_ == 0) return Eigen::MatrixXd(0, samples_);
  Eigen::MatrixXd out = source.lower_fixed.triangularView<Eigen::Lower>() * source.z_fixed;
  out.colwise() += beside.fixed().mean().col(source.response);
  return out;
}

JointSamples::Draw JointSamples::draw(const PosteriorBeside& posterior, const Eigen::MatrixXd& mean,
                                      const Source& source) const {
  Draw out;
  Eigen::MatrixXd S = source.spread * posterior.covariance(source.response, source.of);
  const double scale = std::max(S.trace() / static_cast<double>(q_), 1e-300);
  if (b_ > 0) {
    out.gain = source.spread * posterior.cross_covariance(source.response);
    source.lower_fixed.triangularView<Eigen::Lower>().transpose().solveInPlace<Eigen::OnTheRight>(out.gain);
    S.noalias() -= out.gain * out.gain.transpose();
  }
  detail::SmallCholesky factor = detail::small_cholesky(S, scale);
  out.usable = factor.usable;
  if (!factor.usable) return out;
  out.nugget = factor.nugget;
  out.lower = std::move(factor.lower);
  out.values.noalias() = out.lower * source.z;
  if (b_ > 0) out.values.noalias() += out.gain * source.z_fixed;
  out.values.colwise() += mean.col(source.response);
  return out;
}

void JointSamples::add_log_feasible(std::size_t bound, const Eigen::MatrixXd& values, Eigen::MatrixXd& into) const {
  const OutcomeBound& of = bounds_[bound];
  const double temperature = indicator_temperature_ * units_(of.response);
  for (Eigen::Index s = 0; s < values.cols(); ++s) {
    for (Eigen::Index i = 0; i < values.rows(); ++i) {
      const double y = values(i, s);
      if (std::isfinite(of.upper)) into(i, s) += detail::log_fat_sigmoid(of.upper - y, temperature).value;
      if (std::isfinite(of.lower)) into(i, s) += detail::log_fat_sigmoid(y - of.lower, temperature).value;
    }
  }
}

Eigen::MatrixXd JointSamples::indicator_slope(std::size_t bound, const Eigen::MatrixXd& values) const {
  const OutcomeBound& of = bounds_[bound];
  const double temperature = indicator_temperature_ * units_(of.response);
  return values.unaryExpr([&](double y) {
    double slope = 0.0;
    if (std::isfinite(of.upper)) slope -= detail::log_fat_sigmoid(of.upper - y, temperature).slope;
    if (std::isfinite(of.lower)) slope += detail::log_fat_sigmoid(y - of.lower, temperature).slope;
    return slope;
  });
}

JointSamples::At JointSamples::at(const PosteriorBeside& posterior) const {
  for (const Source& source : sources_) require_response(source.response, posterior.m());
  if (posterior.q() != q_ || posterior.b() != b_) {
    refuse(std::to_string(q_) + " points beside " + std::to_string(b_) + " fixed ones",
           std::to_string(posterior.q()) + " beside " + std::to_string(posterior.b()));
  }
  const Eigen::MatrixXd mean = posterior.mean();
  At out;
  if (bounded()) out.log_feasible = Eigen::MatrixXd::Zero(q_, samples_);
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    out.draws.push_back(draw(posterior, mean, sources_[i]));
    const Draw& drawn = out.draws.back();
    out.usable = out.usable && drawn.usable;
    if (!out.usable) return out;
    if (i >= utilities_.size()) {
      add_log_feasible(i - utilities_.size(), drawn.values, out.log_feasible);
    } else if (utilities_[i].goal == process::Goal::target) {
      out.utility.emplace_back(drawn.values.unaryExpr([&](double y) { return utilities_[i].of(y); }));
    } else {
      out.utility.emplace_back(utilities_[i].slope(0.0) * drawn.values);
    }
  }
  return out;
}

PullbackWeights JointSamples::weights(const Source& source, const Draw& draw, const Eigen::MatrixXd& by_values) const {
  PullbackWeights out;
  out.mean = by_values.rowwise().sum();
  const Eigen::MatrixXd by_lower = by_values * source.z.transpose();
  const Eigen::MatrixXd by_s = detail::cholesky_pullback(draw.lower, by_lower);
  out.covariance = source.spread * by_s;
  // The nugget is a share of the mean diagonal and moves with it.
  out.covariance.diagonal().array() += source.spread * draw.nugget * by_s.trace() / static_cast<double>(q_);
  if (b_ > 0) {
    out.cross = by_values * source.z_fixed.transpose() - 2.0 * by_s * draw.gain;
    source.lower_fixed.triangularView<Eigen::Lower>().solveInPlace<Eigen::OnTheRight>(out.cross);
    out.cross *= source.spread;
  }
  return out;
}

Eigen::MatrixXd JointSamples::pullback(const PosteriorBeside& posterior, const At& at,
                                       const std::vector<Eigen::MatrixXd>& by_utility,
                                       const Eigen::MatrixXd& by_log_feasible) const {
  Eigen::MatrixXd out;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    const Eigen::MatrixXd& values = at.draws[i].values;
    Eigen::MatrixXd by_values;
    if (i >= utilities_.size()) {
      by_values = by_log_feasible.cwiseProduct(indicator_slope(i - utilities_.size(), values));
    } else if (utilities_[i].goal == process::Goal::target) {
      by_values = by_utility[i].cwiseProduct(values.unaryExpr([&](double y) { return utilities_[i].slope(y); }).eval());
    } else {
      by_values = utilities_[i].slope(0.0) * by_utility[i];
    }
    const PullbackWeights by_moments = weights(sources_[i], at.draws[i], by_values);
    Eigen::MatrixXd own = posterior.pullback(sources_[i].response, by_moments);
    if (sources_[i].of == VarianceOf::run_mean) {
      const Eigen::MatrixXd between = posterior.between_gradient(sources_[i].response);
      if (between.size() > 0) own += by_moments.covariance.diagonal().asDiagonal() * between;
    }
    if (i == 0) {
      out = own;
    } else {
      out += own;
    }
  }
  return out;
}

}  // namespace luban::recommend
