#include <luban/recommend/detail/risk_beside.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>
#include <utility>

#include <luban/recommend/base_samples.hpp>
#include <luban/recommend/detail/cholesky.hpp>
#include <luban/recommend/detail/rowwise_beside.hpp>
#include <luban/recommend/detail/tolerance_surrogate.hpp>

namespace luban::recommend::detail {
namespace {

using surrogate::GaussianPosterior;
using surrogate::Posterior;
using surrogate::PosteriorBeside;
using surrogate::PosteriorRequest;
using surrogate::PullbackWeights;
using surrogate::SurrogateBeside;
using surrogate::VarianceOf;

/// Of latent variances or those of a run: what is added to both so that rounding does not rule what is drawn.
constexpr std::array jitters = {0.0, 1e-6, 1e-4, 1e-2, 1.0};
constexpr double most_explained =
    1.001;  ///< of a variance by fixed points: more is rounding, made large by small pivots
constexpr Eigen::Index probes = 4;

/// One risk at the fixed points.
struct FixedRisk {
  RiskColumn column;
  double jitter = 0.0;
  JointRisk joint;
};

/// L⁻¹ C, transposed: how the nodes of a row hang on those of the fixed points.
Eigen::MatrixXd gain_of(const PosteriorBeside& nodes, const FixedRisk& fixed) {
  Eigen::MatrixXd out = nodes.cross_covariance(fixed.column.response);
  fixed.joint.lower().triangularView<Eigen::Lower>().transpose().solveInPlace<Eigen::OnTheRight>(out);
  return out;
}

/// Whether the fixed points explain no more of a row than there is.
bool calm(const PosteriorBeside& nodes, const FixedRisk& fixed) {
  const Eigen::VectorXd explained = gain_of(nodes, fixed).rowwise().squaredNorm();
  const Eigen::VectorXd whole = nodes.variance(VarianceOf::latent).col(fixed.column.response).array() + fixed.jitter;
  return (explained.array() <= most_explained * whole.array()).all();
}

/// What rows have in common.
struct Shared {
  Eigen::Index responses = 0;    ///< expected ones, before the risks
  Eigen::MatrixXd z;             ///< (k, s) of a row
  Eigen::MatrixXd z_fixed;       ///< (b·k, s)
  std::vector<FixedRisk> risks;  ///< by column; none without fixed points
};

/// One risk of a row, drawn together with the fixed points.
class RowRisk {
 public:
  RowRisk(const PosteriorBeside& nodes, const FixedRisk& fixed, const Shared& shared, double variance)
      : nodes_(nodes), fixed_(fixed), shared_(shared), variance_(variance) {
    const Eigen::Index response = fixed.column.response;
    Eigen::MatrixXd S = nodes.covariance(response, VarianceOf::latent);
    S.diagonal().array() += fixed.jitter;
    const Eigen::VectorXd latent = S.diagonal();
    gain_ = gain_of(nodes, fixed);
    S.noalias() -= gain_ * gain_.transpose();
    SmallCholesky factor = node_factor(S, latent, nodes.variance(VarianceOf::run_mean).col(response));
    risk_ = Eigen::RowVectorXd::Zero(shared.z.cols());
    if (!factor.usable) return;  // rounding is all there is: the row varies by itself
    lower_ = std::move(factor.lower);
    nugget_ = factor.nugget;
    Eigen::MatrixXd values = lower_ * shared.z + gain_ * shared.z_fixed;
    values.colwise() += nodes.mean().col(response);
    SampledRisk sampled = sampled_risk(fixed.column, values);
    slope_ = std::move(sampled.slope);
    risk_ = sampled.value.transpose().array() - sampled.value.mean();
    sampled_variance_ = risk_.squaredNorm() / static_cast<double>(risk_.size());
    if (sampled_variance_ > 0.0) scale_ = std::sqrt(variance_ / sampled_variance_);
  }

  /// (1, b): correlations of the draws, standard deviations as each point has them alone.
  [[nodiscard]] Eigen::RowVectorXd cross() const { return scale_ * unscaled(); }

  /// (1, p) of Σ weights · cross. @param variance_gradient (1, p) of the row alone.
  [[nodiscard]] Eigen::RowVectorXd gradient(const Eigen::RowVectorXd& weights,
                                            const Eigen::RowVectorXd& variance_gradient) const {
    if (!(scale_ > 0.0)) return Eigen::RowVectorXd::Zero(variance_gradient.size());
    const auto count = static_cast<double>(risk_.size());
    // The scale is √(variance / sampled variance).
    const double by_log_scale = scale_ * weights.dot(unscaled());
    const Eigen::RowVectorXd scaled = weights.cwiseProduct(fixed_.joint.scale().transpose());
    const Eigen::RowVectorXd by_risk =
        (scale_ * scaled * fixed_.joint.risk() - by_log_scale / sampled_variance_ * risk_) / count;
    Eigen::MatrixXd by_values = slope_;
    by_values.array().rowwise() *= by_risk.array();
    const Eigen::RowVectorXd through_nodes = pulled_back(by_values);
    return through_nodes + 0.5 * by_log_scale / variance_ * variance_gradient;
  }

 private:
  [[nodiscard]] Eigen::RowVectorXd unscaled() const {
    const Eigen::RowVectorXd products = risk_ * fixed_.joint.risk().transpose() / static_cast<double>(risk_.size());
    return products.cwiseProduct(fixed_.joint.scale().transpose());
  }

  [[nodiscard]] Eigen::RowVectorXd pulled_back(const Eigen::MatrixXd& by_values) const {
    const Eigen::MatrixXd by_s = cholesky_pullback(lower_, by_values * shared_.z.transpose());
    PullbackWeights weights;
    weights.mean = by_values.rowwise().sum();
    weights.covariance = by_s;
    // The nugget is a share of the mean diagonal and moves with it.
    weights.covariance.diagonal().array() += nugget_ * by_s.trace() / static_cast<double>(by_s.rows());
    weights.cross = by_values * shared_.z_fixed.transpose() - 2.0 * by_s * gain_;
    fixed_.joint.lower().triangularView<Eigen::Lower>().solveInPlace<Eigen::OnTheRight>(weights.cross);
    return nodes_.pullback(fixed_.column.response, weights).colwise().sum();
  }

  const PosteriorBeside& nodes_;
  const FixedRisk& fixed_;
  const Shared& shared_;
  double variance_;
  Eigen::MatrixXd gain_;
  Eigen::MatrixXd lower_;
  double nugget_ = 0.0;
  Eigen::MatrixXd slope_;
  Eigen::RowVectorXd risk_;  ///< (s) about its mean
  double sampled_variance_ = 0.0;
  double scale_ = 0.0;
};

/// One row beside the fixed points.
class Row final : public PosteriorBeside {
 public:
  /// @param alone of the row, with all columns. @param expected beside the fixed points. @param nodes beside theirs.
  Row(std::unique_ptr<Posterior> alone, std::unique_ptr<PosteriorBeside> expected,
      std::unique_ptr<PosteriorBeside> nodes, std::shared_ptr<const Shared> shared)
      : alone_(std::move(alone)),
        expected_(std::move(expected)),
        nodes_(std::move(nodes)),
        shared_(std::move(shared)),
        variance_(alone_->variance(VarianceOf::latent)) {
    for (std::size_t c = 0; c < shared_->risks.size(); ++c) {
      const Eigen::Index at = shared_->responses + static_cast<Eigen::Index>(c);
      risks_.emplace_back(*nodes_, shared_->risks[c], *shared_, variance_(0, at));
    }
  }

  [[nodiscard]] Eigen::Index q() const noexcept override { return 1; }
  [[nodiscard]] Eigen::Index b() const noexcept override { return expected_->b(); }
  [[nodiscard]] Eigen::Index m() const noexcept override { return alone_->m(); }
  [[nodiscard]] Eigen::MatrixXd mean() const override { return alone_->mean(); }
  [[nodiscard]] Eigen::MatrixXd variance(VarianceOf of) const override { return alone_->variance(of); }
  [[nodiscard]] Eigen::MatrixXd covariance(Eigen::Index response, VarianceOf of) const override {
    return alone_->variance(of).col(response);
  }
  [[nodiscard]] Eigen::MatrixXd cross_covariance(Eigen::Index response) const override {
    if (response < shared_->responses) return expected_->cross_covariance(response);
    return b() > 0 ? Eigen::MatrixXd(risk(response).cross()) : Eigen::MatrixXd(1, 0);
  }
  [[nodiscard]] Eigen::MatrixXd between_gradient(Eigen::Index response) const override {
    return alone_->between_gradient(response);
  }
  [[nodiscard]] Eigen::MatrixXd pullback(Eigen::Index response, const PullbackWeights& weights) const override {
    if (response < shared_->responses) return expected_->pullback(response, weights);
    const Eigen::MatrixXd by_variance = alone_->variance_gradient(response);
    double of_variance = 0.0;
    if (weights.variance.size() > 0) of_variance += weights.variance(0);
    if (weights.covariance.size() > 0) of_variance += weights.covariance(0, 0);
    Eigen::MatrixXd out = of_variance * by_variance;
    if (weights.mean.size() > 0) out += weights.mean(0) * alone_->mean_gradient(response);
    if (weights.cross.size() > 0) out += risk(response).gradient(weights.cross.row(0), by_variance.row(0));
    return out;
  }

 private:
  [[nodiscard]] const RowRisk& risk(Eigen::Index response) const {
    return risks_[static_cast<std::size_t>(response - shared_->responses)];
  }

  std::unique_ptr<Posterior> alone_;
  std::unique_ptr<PosteriorBeside> expected_;
  std::unique_ptr<PosteriorBeside> nodes_;
  std::shared_ptr<const Shared> shared_;
  Eigen::MatrixXd variance_;  ///< (1, m) latent
  std::vector<RowRisk> risks_;
};

class RiskBeside final : public SurrogateBeside {
 public:
  RiskBeside(const RiskParts& parts, const Eigen::MatrixXd& fixed)
      : parts_(parts), fixed_points_(fixed), expected_(parts.expected.beside(fixed)) {
    const Eigen::Index k = parts.deviations.rows();
    nodes_ = parts.inner.beside(around(fixed, parts.deviations));
    auto shared = std::make_shared<Shared>();
    shared->responses = std::ssize(parts.expected.responses());
    BaseSamples z = BaseSamples::draw(1, k, fixed.rows() * k, parts.samples, risk_key().child("beside"));
    shared->z = std::move(z.points.front());
    shared->z_fixed = std::move(z.fixed.front());
    const PosteriorRequest joint{.gradients = false, .joint = true, .reading = false};
    const std::shared_ptr<const Posterior> rows =
        parts.whole.posterior(fixed, {.gradients = false, .joint = false, .reading = false});
    const std::shared_ptr<const Posterior> expected(expected_, &expected_->fixed());
    const std::shared_ptr<const Posterior> nodes(nodes_, &nodes_->fixed());
    std::vector<GaussianPosterior::Moments> moments;
    for (Eigen::Index r = 0; r < shared->responses; ++r) moments.push_back(moments_of(expected, r, joint));
    for (std::size_t c = 0; c < parts.columns.size(); ++c) {
      const Eigen::Index at = shared->responses + static_cast<Eigen::Index>(c);
      moments.push_back(moments_of(rows, at, {.gradients = false, .joint = false, .reading = false}));
      if (fixed.rows() == 0) continue;
      shared->risks.push_back(fixed_risk(nodes, parts.columns[c], shared->z_fixed, moments.back().variance));
      moments.back().covariance = shared->risks.back().joint.covariance();
    }
    fixed_ = std::make_unique<GaussianPosterior>(std::move(moments));
    shared_ = std::move(shared);
  }

  [[nodiscard]] const Eigen::MatrixXd& fixed_points() const noexcept override { return fixed_points_; }
  [[nodiscard]] const Posterior& fixed() const noexcept override { return *fixed_; }
  [[nodiscard]] std::unique_ptr<PosteriorBeside> posterior(const Eigen::MatrixXd& X,
                                                           const PosteriorRequest& request) const override {
    if (X.rows() != 1) return together().posterior(X, request);
    auto alone =
        parts_.whole.posterior(X, {.gradients = request.gradients, .joint = false, .reading = request.reading});
    const PosteriorRequest joint{.gradients = request.gradients, .joint = true, .reading = false};
    return std::make_unique<Row>(std::move(alone), expected_->posterior(X, joint),
                                 nodes_->posterior(around(X, parts_.deviations), joint), shared_);
  }

 private:
  /// Drawn with as little jitter as settings at the fixed points themselves allow.
  [[nodiscard]] FixedRisk fixed_risk(const std::shared_ptr<const Posterior>& nodes, const RiskColumn& column,
                                     const Eigen::MatrixXd& z, const Eigen::VectorXd& variance) const {
    const double scale = std::max(nodes->variance(VarianceOf::latent).col(column.response).mean(),
                                  nodes->variance(VarianceOf::run_mean).col(column.response).mean());
    for (std::size_t i = 0;; ++i) {
      const double jitter = jitters[i] * scale;
      FixedRisk out{column, jitter, JointRisk(nodes, column, z, variance, Eigen::MatrixXd(), jitter)};
      if (i + 1 == jitters.size() || calm_at_fixed_points(out)) return out;
    }
  }

  [[nodiscard]] bool calm_at_fixed_points(const FixedRisk& risk) const {
    const Eigen::Index b = fixed_points_.rows();
    const PosteriorRequest latent{.gradients = false, .joint = false, .reading = false};
    for (Eigen::Index i = 0; i < std::min(b, probes); ++i) {
      const Eigen::MatrixXd x = fixed_points_.row(i * b / std::min(b, probes));
      if (!calm(*nodes_->posterior(around(x, parts_.deviations), latent), risk)) return false;
    }
    return true;
  }

  const SurrogateBeside& together() const {
    std::call_once(made_, [this] { together_ = surrogate::joint_beside(parts_.whole, fixed_points_); });
    return *together_;
  }

  RiskParts parts_;
  Eigen::MatrixXd fixed_points_;
  std::shared_ptr<const SurrogateBeside> expected_;
  std::shared_ptr<const SurrogateBeside> nodes_;
  std::unique_ptr<const Posterior> fixed_;
  std::shared_ptr<const Shared> shared_;
  mutable std::once_flag made_;
  mutable std::unique_ptr<const SurrogateBeside> together_;
};

}  // namespace

std::unique_ptr<const SurrogateBeside> risk_beside(const RiskParts& parts, const Eigen::MatrixXd& fixed) {
  return rowwise_beside(std::make_unique<RiskBeside>(parts, fixed));
}

}  // namespace luban::recommend::detail
