#include <luban/surrogate/corrected_surrogate.hpp>

#include <utility>

#include <luban/core/error.hpp>
#include <luban/surrogate/detail/inputs.hpp>

namespace luban::surrogate {

namespace {

using Moments = GaussianPosterior::Moments;

void add(const Moments& correction, const PosteriorRequest& request, Moments& to) {
  to.mean += correction.mean;
  to.variance += correction.variance;
  if (request.joint) to.covariance += correction.covariance;
  if (request.gradients) {
    to.mean_gradient += correction.mean_gradient;
    to.variance_gradient += correction.variance_gradient;
  }
  if (request.joint && request.gradients) {
    to.covariance_gradient = [first = std::move(to.covariance_gradient),
                              second = correction.covariance_gradient](const Eigen::MatrixXd& weights) {
      return Eigen::MatrixXd(first(weights) + second(weights));
    };
  }
}

}  // namespace

CorrectedSurrogate::CorrectedSurrogate(std::shared_ptr<const Surrogate> inner, Corrections corrections, double time)
    : inner_(std::move(inner)), corrections_(std::move(corrections)), time_(time) {
  const auto refuse = [](const std::string& expected, const std::string& received) {
    throw core::DataError(
        {.where = "surrogate.CorrectedSurrogate", .expected = expected, .received = received, .place = {}, .hint = {}});
  };
  if (corrections_.size() != inner_->responses().size()) {
    refuse("a correction or none for each of " + std::to_string(inner_->responses().size()) + " responses",
           std::to_string(corrections_.size()));
  }
  for (const std::shared_ptr<const ResidualProcess>& correction : corrections_) {
    if (correction == nullptr) continue;
    if (correction->encoder().p() != inner_->encoder().p()) {
      refuse("corrections over " + std::to_string(inner_->encoder().p()) + " inputs",
             std::to_string(correction->encoder().p()));
    }
    for (const Eigen::Index column : inner_->encoder().columns_of(features::Role::noise)) {
      if (!correction->ignores(column)) {
        refuse(
            "corrections that are the same at all levels of the noise variables",
            "one that distinguishes \"" + inner_->encoder().variables()[static_cast<std::size_t>(column)].name + "\"");
      }
    }
  }
}

std::unique_ptr<Posterior> CorrectedSurrogate::posterior(const Eigen::MatrixXd& X,
                                                         const PosteriorRequest& request) const {
  return corrected(inner_->posterior(X, request), X, request);
}

std::unique_ptr<Posterior> CorrectedSurrogate::average(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                                       const PosteriorRequest& request) const {
  const std::shared_ptr<const Posterior> inner = inner_->average(X, weights, request);
  const Eigen::MatrixXd first = X(Eigen::seqN(0, inner->q(), weights.size()), Eigen::all);  // the others: the same
  return corrected(inner, first, request);
}

std::unique_ptr<Posterior> CorrectedSurrogate::corrected(const std::shared_ptr<const Posterior>& inner,
                                                         const Eigen::MatrixXd& X,
                                                         const PosteriorRequest& request) const {
  std::vector<Moments> out;
  for (Eigen::Index r = 0; r < inner->m(); ++r) {
    out.push_back(moments_of(inner, r, request));
    const std::shared_ptr<const ResidualProcess>& correction = corrections_[static_cast<std::size_t>(r)];
    if (correction != nullptr) add(correction->moments(X, time_, request), request, out.back());
  }
  return std::make_unique<GaussianPosterior>(std::move(out));
}

std::shared_ptr<const Surrogate> CorrectedSurrogate::only(const std::vector<Eigen::Index>& responses) const {
  std::shared_ptr<const Surrogate> narrow = inner_->only(responses);
  if (narrow == nullptr) return nullptr;
  Corrections kept;
  for (const Eigen::Index r : responses) kept.push_back(corrections_[static_cast<std::size_t>(r)]);
  return std::make_shared<CorrectedSurrogate>(std::move(narrow), std::move(kept), time_);
}

}  // namespace luban::surrogate
