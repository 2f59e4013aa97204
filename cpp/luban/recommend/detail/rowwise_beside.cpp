#include <luban/recommend/detail/rowwise_beside.hpp>

#include <utility>
#include <vector>

#include <luban/core/error.hpp>
#include <luban/parallel/arena.hpp>

namespace luban::recommend::detail {
namespace {

using surrogate::PosteriorBeside;
using surrogate::PosteriorRequest;
using surrogate::PullbackWeights;
using surrogate::SurrogateBeside;
using surrogate::VarianceOf;

/// Several points, each with the fixed ones beside it; nothing is known of the points together.
class Rows final : public PosteriorBeside {
 public:
  /// @param rows of one point each, at least one.
  explicit Rows(std::vector<std::unique_ptr<PosteriorBeside>> rows) : rows_(std::move(rows)) {}

  [[nodiscard]] Eigen::Index q() const noexcept override { return std::ssize(rows_); }
  [[nodiscard]] Eigen::Index b() const noexcept override { return rows_.front()->b(); }
  [[nodiscard]] Eigen::Index m() const noexcept override { return rows_.front()->m(); }
  [[nodiscard]] Eigen::MatrixXd mean() const override {
    return stacked([](const PosteriorBeside& row, std::size_t) { return row.mean(); });
  }
  [[nodiscard]] Eigen::MatrixXd variance(VarianceOf of) const override {
    return stacked([of](const PosteriorBeside& row, std::size_t) { return row.variance(of); });
  }
  [[nodiscard]] Eigen::MatrixXd covariance(Eigen::Index /*response*/, VarianceOf /*of*/) const override {
    throw core::LifecycleError({.where = "recommend.rowwise_beside",
                                .expected = "a posterior asked for with joint covariance",
                                .received = "one without",
                                .place = {},
                                .hint = "set PosteriorRequest::joint"});
  }
  [[nodiscard]] Eigen::MatrixXd cross_covariance(Eigen::Index response) const override {
    return stacked([response](const PosteriorBeside& row, std::size_t) { return row.cross_covariance(response); });
  }
  [[nodiscard]] Eigen::MatrixXd between_gradient(Eigen::Index response) const override {
    return stacked([response](const PosteriorBeside& row, std::size_t) { return row.between_gradient(response); });
  }
  [[nodiscard]] Eigen::MatrixXd pullback(Eigen::Index response, const PullbackWeights& weights) const override {
    return stacked([&](const PosteriorBeside& row, std::size_t i) {
      const auto at = static_cast<Eigen::Index>(i);
      PullbackWeights own;
      if (weights.mean.size() > 0) own.mean = weights.mean.segment(at, 1);
      if (weights.variance.size() > 0) own.variance = weights.variance.segment(at, 1);
      if (weights.covariance.size() > 0) own.covariance = weights.covariance.block(at, at, 1, 1);
      if (weights.cross.size() > 0) own.cross = weights.cross.row(at);
      return row.pullback(response, own);
    });
  }

 private:
  /// One row of each point; empty where the points have none.
  template <typename Of>
  [[nodiscard]] Eigen::MatrixXd stacked(const Of& of) const {
    Eigen::MatrixXd out;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const Eigen::MatrixXd row = of(*rows_[i], i);
      if (row.size() == 0) return row;
      if (i == 0) out.resize(q(), row.cols());
      out.row(static_cast<Eigen::Index>(i)) = row;
    }
    return out;
  }

  std::vector<std::unique_ptr<PosteriorBeside>> rows_;
};

class RowwiseBeside final : public SurrogateBeside {
 public:
  explicit RowwiseBeside(std::unique_ptr<const SurrogateBeside> joint) : joint_(std::move(joint)) {}

  [[nodiscard]] const Eigen::MatrixXd& fixed_points() const noexcept override { return joint_->fixed_points(); }
  [[nodiscard]] const surrogate::Posterior& fixed() const noexcept override { return joint_->fixed(); }
  [[nodiscard]] std::unique_ptr<PosteriorBeside> posterior(const Eigen::MatrixXd& X,
                                                           const PosteriorRequest& request) const override {
    if (request.joint || X.rows() <= 1) return joint_->posterior(X, request);
    std::vector<std::unique_ptr<PosteriorBeside>> rows(static_cast<std::size_t>(X.rows()));
    parallel::for_each_index(
        rows.size(), [&](std::size_t i) { rows[i] = joint_->posterior(X.row(static_cast<Eigen::Index>(i)), request); });
    return std::make_unique<Rows>(std::move(rows));
  }

 private:
  std::unique_ptr<const SurrogateBeside> joint_;
};

}  // namespace

std::unique_ptr<const SurrogateBeside> rowwise_beside(std::unique_ptr<const SurrogateBeside> joint) {
  return std::make_unique<RowwiseBeside>(std::move(joint));
}

}  // namespace luban::recommend::detail
