#include <luban/recommend/detail/focus.hpp>

#include <algorithm>
#include <utility>

#include <luban/surrogate/posterior.hpp>

namespace luban::recommend::detail {
namespace {

using surrogate::GaussianPosterior;
using surrogate::Posterior;
using surrogate::PosteriorRequest;
using surrogate::VarianceOf;

GaussianPosterior::Moments standard_normal(Eigen::Index q, Eigen::Index p, const PosteriorRequest& request) {
  GaussianPosterior::Moments moments;
  moments.mean = moments.between_variance = moments.within_variance = Eigen::VectorXd::Zero(q);
  moments.variance = Eigen::VectorXd::Ones(q);
  if (request.joint) moments.covariance = Eigen::MatrixXd::Identity(q, q);
  if (request.gradients) moments.mean_gradient = moments.variance_gradient = Eigen::MatrixXd::Zero(q, p);
  if (request.joint && request.gradients) {
    moments.covariance_gradient = [q, p](const Eigen::MatrixXd& /*weights*/) { return Eigen::MatrixXd::Zero(q, p); };
  }
  return moments;
}

class FocusedSurrogate final : public surrogate::Surrogate {
 public:
  FocusedSurrogate(std::shared_ptr<const surrogate::Surrogate> inner, std::vector<Eigen::Index> chosen,
                   std::vector<features::ResponseColumn> responses)
      : inner_(std::move(inner)), chosen_(std::move(chosen)), responses_(std::move(responses)) {}
  [[nodiscard]] std::string kind() const override { return inner_->kind(); }
  [[nodiscard]] const features::Encoder& encoder() const noexcept override { return inner_->encoder(); }
  [[nodiscard]] const std::vector<features::ResponseColumn>& responses() const noexcept override { return responses_; }
  [[nodiscard]] std::unique_ptr<Posterior> posterior(const Eigen::MatrixXd& X,
                                                     const PosteriorRequest& request = {}) const override {
    return spread(inner_->posterior(X, request), X.cols(), request);
  }
  [[nodiscard]] std::unique_ptr<Posterior> average(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                                   const PosteriorRequest& request = {}) const override {
    return spread(inner_->average(X, weights, request), X.cols(), request);
  }
  [[nodiscard]] std::shared_ptr<const surrogate::Surrogate> smoothed(const Eigen::VectorXd& sd) const override {
    std::shared_ptr<const surrogate::Surrogate> smooth = inner_->smoothed(sd);
    return smooth == nullptr ? nullptr
                             : std::make_shared<const FocusedSurrogate>(std::move(smooth), chosen_, responses_);
  }

 private:
  [[nodiscard]] std::unique_ptr<Posterior> spread(const std::shared_ptr<const Posterior>& narrow, Eigen::Index p,
                                                  const PosteriorRequest& request) const {
    std::vector<GaussianPosterior::Moments> all(responses_.size(), standard_normal(narrow->q(), p, request));
    for (std::size_t k = 0; k < chosen_.size(); ++k) {
      all[static_cast<std::size_t>(chosen_[k])] = surrogate::moments_of(narrow, static_cast<Eigen::Index>(k), request);
    }
    return std::make_unique<GaussianPosterior>(std::move(all));
  }

  std::shared_ptr<const surrogate::Surrogate> inner_;
  std::vector<Eigen::Index> chosen_;
  std::vector<features::ResponseColumn> responses_;
};

}  // namespace

std::shared_ptr<const surrogate::Surrogate> focused(const std::shared_ptr<const surrogate::Surrogate>& surrogate,
                                                    std::vector<Eigen::Index> responses) {
  std::sort(responses.begin(), responses.end());
  responses.erase(std::unique(responses.begin(), responses.end()), responses.end());
  std::erase_if(responses, [&](Eigen::Index r) { return r >= std::ssize(surrogate->responses()); });  // computed ones
  if (responses.empty() && !surrogate->responses().empty()) responses.push_back(0);  // so that there is a posterior
  if (responses.size() == surrogate->responses().size()) return surrogate;
  std::shared_ptr<const surrogate::Surrogate> narrow = surrogate->only(responses);
  if (narrow == nullptr) return surrogate;
  return std::make_shared<FocusedSurrogate>(std::move(narrow), responses, surrogate->responses());
}

}  // namespace luban::recommend::detail
