#include <luban/recommend/detail/risk_surrogate.hpp>

#include <utility>

#include <luban/parallel/arena.hpp>
#include <luban/recommend/base_samples.hpp>
#include <luban/recommend/decision_surrogate.hpp>
#include <luban/recommend/detail/risk_beside.hpp>
#include <luban/recommend/detail/tolerance_surrogate.hpp>

namespace luban::recommend::detail {
namespace {

using surrogate::GaussianPosterior;
using surrogate::Posterior;
using surrogate::PosteriorRequest;

/// (points, s) standard normal.
Eigen::MatrixXd base(Eigen::Index points, Eigen::Index samples) {
  return BaseSamples::draw(1, points, 0, samples, risk_key().child("samples")).points.front();
}

/// What is known of one risk at all rows, the noise of a run being that of the response itself.
GaussianPosterior::Moments gathered(const std::vector<RiskMoments>& rows, GaussianPosterior::Moments of_response,
                                    bool gradients) {
  GaussianPosterior::Moments out = std::move(of_response);
  out.covariance.resize(0, 0);
  out.covariance_gradient = {};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto row = static_cast<Eigen::Index>(i);
    out.mean(row) = rows[i].mean;
    out.variance(row) = rows[i].variance;
    if (!gradients) continue;
    out.mean_gradient.row(row) = rows[i].mean_gradient;
    out.variance_gradient.row(row) = rows[i].variance_gradient;
  }
  return out;
}

}  // namespace

Eigen::MatrixXd risk_deviations(const features::Encoder& encoder, const std::vector<process::Tolerance>& tolerances,
                                Eigen::Index nodes) {
  const BaseSamples normal = BaseSamples::draw(1, std::ssize(tolerances), 0, nodes, risk_key().child("deviations"));
  return coded_deviations(encoder, tolerances, normal.points.front().transpose());
}

RiskSurrogate::RiskSurrogate(std::shared_ptr<const surrogate::Surrogate> expected,
                             std::shared_ptr<const surrogate::Surrogate> inner,
                             const std::vector<process::Tolerance>& tolerances, std::vector<RiskColumn> columns,
                             const RiskSampling& sampling)
    : expected_(std::move(expected)),
      inner_(std::move(inner)),
      columns_(std::move(columns)),
      responses_(expected_->responses()) {
  for (const RiskColumn& column : columns_) {
    responses_.push_back(inner_->responses()[static_cast<std::size_t>(column.response)]);
  }
  deviations_ = risk_deviations(inner_->encoder(), tolerances, sampling.nodes);
  z_ = base(sampling.nodes, sampling.samples);
}

std::unique_ptr<Posterior> RiskSurrogate::posterior(const Eigen::MatrixXd& X, const PosteriorRequest& request) const {
  const std::shared_ptr<const Posterior> expected = expected_->posterior(X, request);  // judges X, too
  const PosteriorRequest together{.gradients = request.gradients, .joint = true, .reading = false};
  std::vector<std::vector<RiskMoments>> risks(columns_.size(),
                                              std::vector<RiskMoments>(static_cast<std::size_t>(X.rows())));
  parallel::for_each_index(static_cast<std::size_t>(X.rows()), [&](std::size_t row) {
    const std::shared_ptr<const Posterior> nodes =
        inner_->posterior(around(X.row(static_cast<Eigen::Index>(row)), deviations_), together);
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      risks[c][row] = risk_moments(nodes, columns_[c], z_, request.gradients);
    }
  });
  std::vector<GaussianPosterior::Moments> out;
  for (Eigen::Index r = 0; r < expected->m(); ++r) out.push_back(moments_of(expected, r, request));
  const bool joint_rows = request.joint && X.rows() > 0;
  std::shared_ptr<const Posterior> all;
  if (joint_rows) all = inner_->posterior(around(X, deviations_), together);
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    GaussianPosterior::Moments moments =
        gathered(risks[c], out[static_cast<std::size_t>(columns_[c].response)], request.gradients);
    if (joint_rows) {
      const auto joint = std::make_shared<const JointRisk>(all, columns_[c], base(all->q(), z_.cols()),
                                                           moments.variance, moments.variance_gradient);
      moments.covariance = joint->covariance();
      if (request.gradients) {
        moments.covariance_gradient = [joint](const Eigen::MatrixXd& weights) { return joint->gradient(weights); };
      }
    }
    out.push_back(std::move(moments));
  }
  return std::make_unique<GaussianPosterior>(std::move(out));
}

std::unique_ptr<const surrogate::SurrogateBeside> RiskSurrogate::beside(const Eigen::MatrixXd& fixed) const {
  return risk_beside({*this, *expected_, *inner_, columns_, deviations_, z_.cols()}, fixed);
}

std::shared_ptr<const surrogate::Surrogate> over_tolerances(std::shared_ptr<const surrogate::Surrogate> surrogate,
                                                            const std::vector<process::Tolerance>& tolerances,
                                                            const std::vector<process::DerivedResponse>& derived,
                                                            const std::vector<RiskColumn>& risks,
                                                            const RiskSampling& sampling) {
  std::shared_ptr<const surrogate::Surrogate> expected = surrogate;
  if (!tolerances.empty()) expected = std::make_shared<ToleranceSurrogate>(surrogate, tolerances);
  if (!derived.empty()) expected = std::make_shared<DerivedSurrogate>(std::move(expected), derived);
  if (risks.empty()) return expected;
  return std::make_shared<RiskSurrogate>(std::move(expected), std::move(surrogate), tolerances, risks, sampling);
}

}  // namespace luban::recommend::detail
