#include <utility>

#include <Eigen/Cholesky>

#include <luban/core/error.hpp>
#include <luban/recommend/decision_surrogate.hpp>

namespace luban::recommend {
namespace {

using surrogate::GaussianPosterior;
using surrogate::Posterior;
using surrogate::PosteriorRequest;
using surrogate::VarianceOf;

constexpr double difference_step = 1e-4;

}  // namespace

ConditionedSurrogate::ConditionedSurrogate(std::shared_ptr<const surrogate::Surrogate> inner, Eigen::MatrixXd pending)
    : inner_(std::move(inner)), pending_(std::move(pending)) {
  const std::vector<features::EncodedVariable>& variables = inner_->encoder().variables();
  for (std::size_t column = 0; column < variables.size(); ++column) {
    if (variables[column].is_numeric()) numeric_.push_back(static_cast<Eigen::Index>(column));
  }
}

/// X with, for each row, its neighbours one step up and one step down in every numeric column.
Eigen::MatrixXd ConditionedSurrogate::with_neighbours(const Eigen::MatrixXd& X) const {
  const auto steps = static_cast<Eigen::Index>(2 * numeric_.size());
  Eigen::MatrixXd wide(X.rows() * (1 + steps), X.cols());
  wide.topRows(X.rows()) = X;
  for (Eigen::Index i = 0; i < X.rows(); ++i) {
    const Eigen::Index first = X.rows() + i * steps;
    for (std::size_t k = 0; k < numeric_.size(); ++k) {
      const auto at = first + 2 * static_cast<Eigen::Index>(k);
      wide.row(at) = wide.row(at + 1) = X.row(i);
      wide(at, numeric_[k]) += difference_step;
      wide(at + 1, numeric_[k]) -= difference_step;
    }
  }
  return wide;
}

std::unique_ptr<Posterior> ConditionedSurrogate::posterior(const Eigen::MatrixXd& X,
                                                           const PosteriorRequest& request) const {
  const Eigen::MatrixXd points = request.gradients ? with_neighbours(X) : X;
  Eigen::MatrixXd all(points.rows() + pending_.rows(), points.cols());
  all << points, pending_;
  const std::unique_ptr<Posterior> wide =
      inner_->posterior(all, {.gradients = request.gradients, .joint = true, .reading = request.reading});
  std::vector<GaussianPosterior::Moments> moments;
  for (Eigen::Index response = 0; response < wide->m(); ++response) {
    moments.push_back(condition(*wide, response, X.rows(), request));
  }
  return std::make_unique<GaussianPosterior>(std::move(moments));
}

GaussianPosterior::Moments ConditionedSurrogate::condition(const Posterior& wide, Eigen::Index response, Eigen::Index q,
                                                           const PosteriorRequest& request) const {
  const Eigen::Index k = pending_.rows();
  const Eigen::Index rows = wide.q() - k;
  const Eigen::MatrixXd latent = wide.covariance(response, VarianceOf::latent);
  const Eigen::VectorXd latent_variance = wide.variance(VarianceOf::latent).col(response);
  const Eigen::VectorXd run_variance = wide.variance(VarianceOf::run_mean).col(response);
  GaussianPosterior::Moments moments;
  moments.mean = wide.mean().col(response).head(q);
  moments.between_variance = (run_variance - latent_variance).head(q);
  if (request.reading) {
    moments.within_variance = (wide.variance(VarianceOf::reading).col(response) - run_variance).head(q);
  }
  Eigen::MatrixXd observed = latent.bottomRightCorner(k, k);
  observed.diagonal() += (run_variance - latent_variance).tail(k);
  // Two pending points may coincide without any noise between runs; a relative hair keeps the factor.
  observed.diagonal().array() += 1e-10 * observed.diagonal().maxCoeff() + 1e-300;
  const Eigen::LLT<Eigen::MatrixXd> factor(observed);
  if (factor.info() != Eigen::Success) {
    throw core::NumericalError({.where = "recommend.conditioned_surrogate",
                                .expected = "a positive definite covariance of the pending points",
                                .received = "one that is not",
                                .place = inner_->responses()[response].name,
                                .hint = "report the model: its joint covariance is wrong"});
  }
  const Eigen::MatrixXd cross = latent.block(0, rows, rows, k);                // (rows, k)
  const Eigen::MatrixXd weights = factor.solve(cross.topRows(q).transpose());  // (k, q)
  const Eigen::VectorXd removed = (cross.topRows(q).transpose().cwiseProduct(weights)).colwise().sum();
  moments.variance = (latent_variance.head(q) - removed).cwiseMax(0.0);
  if (request.joint) moments.covariance = latent.topLeftCorner(q, q) - cross.topRows(q) * weights;
  if (request.gradients) {
    moments.mean_gradient = wide.mean_gradient(response).topRows(q);
    moments.variance_gradient = wide.variance_gradient(response).topRows(q);
    const Eigen::MatrixXd between = wide.between_gradient(response);
    if (between.size() > 0) moments.between_gradient = between.topRows(q);
    const auto steps = static_cast<Eigen::Index>(2 * numeric_.size());
    for (Eigen::Index i = 0; i < q; ++i) {
      for (std::size_t j = 0; j < numeric_.size(); ++j) {
        const Eigen::Index up = q + i * steps + 2 * static_cast<Eigen::Index>(j);
        const Eigen::RowVectorXd slope = (cross.row(up) - cross.row(up + 1)) / (2.0 * difference_step);
        moments.variance_gradient(i, numeric_[j]) -= 2.0 * slope.dot(weights.col(i));
      }
    }
  }
  return moments;
}

}  // namespace luban::recommend
