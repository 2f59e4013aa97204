#include <luban/surrogate/detail/conditioned.hpp>

#include <cmath>
#include <utility>

#include <luban/surrogate/detail/dense.hpp>
#include <luban/surrogate/detail/factorisation.hpp>
#include <luban/surrogate/detail/inputs.hpp>

namespace luban::surrogate::detail {

namespace {

// (q·L, k) → (q, k): Σ_l w_l row(i·L + l).
Eigen::MatrixXd weighted_rows(const Eigen::MatrixXd& rows, const Eigen::VectorXd& weights) {
  const Eigen::Index levels = weights.size();
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(rows.rows() / levels, rows.cols());
  for (Eigen::Index l = 0; l < levels; ++l) {
    out += weights(l) * rows(Eigen::seqN(l, out.rows(), levels), Eigen::all);
  }
  return out;
}

// (q, k) → (q·L, k): row i·L + l = w_l row(i).
Eigen::MatrixXd spread_rows(const Eigen::MatrixXd& rows, const Eigen::VectorXd& weights) {
  const Eigen::Index levels = weights.size();
  Eigen::MatrixXd out(rows.rows() * levels, rows.cols());
  for (Eigen::Index l = 0; l < levels; ++l) out(Eigen::seqN(l, rows.rows(), levels), Eigen::all) = weights(l) * rows;
  return out;
}

Points rows_of(const Points& points, Eigen::Index first, Eigen::Index count) {
  return {points.numeric.middleRows(first, count), points.one_hot.middleRows(first, count)};
}

}  // namespace

Conditioned::Conditioned(std::shared_ptr<const LogPosterior> target, Eigen::VectorXd theta)
    : target_(std::move(target)), theta_(std::move(theta)) {
  LogPosterior::Workspace work;
  target_->total_covariance(theta_, work);
  Factorisation factor = factorise(work.matrix, "surrogate.gaussian_process");
  lower_ = std::move(factor.lower);
  jitter_ = factor.jitter;
  degraded_ = factor.degraded;
  inverse_ = inverse_from_cholesky(lower_);
  const Eigen::VectorXd& y = target_->data().y;
  mean_ = profiled_mean(target_->mean_variance(), inverse_, y);
  alpha_ = inverse_ * (y.array() - mean_).matrix();
}

double Conditioned::constant() const {
  const double variance = target_->mean_variance();
  return std::isfinite(variance) ? variance : 0.0;
}

void Conditioned::add_noise(GaussianPosterior::Moments& out, double sum_squared_weights) const {
  // A run read at several points averages their own effects; one more reading takes one of them whole.
  const NoiseVariances noise = this->noise();
  const double between = noise.between + noise.point * sum_squared_weights;
  const double within = noise.point * (1.0 - sum_squared_weights) + noise.within;
  out.between_variance = Eigen::VectorXd::Constant(out.mean.size(), between);
  out.within_variance = Eigen::VectorXd::Constant(out.mean.size(), within);
}

void Conditioned::finish(const Eigen::MatrixXd& cross, const Eigen::MatrixXd& solved,
                         const Eigen::VectorXd& prior_variance, double sum_weights,
                         GaussianPosterior::Moments& out) const {
  const TrainingData& data = target_->data();
  out.mean = (data.scale * (cross * alpha_)).array() + sum_weights * (data.location + data.scale * mean_);
  const Eigen::VectorXd explained = solved.cwiseProduct(cross).rowwise().sum();
  out.variance = data.scale * data.scale * (prior_variance - explained).cwiseMax(smallest_share * prior_variance);
}

GaussianPosterior::Moments Conditioned::moments(const Eigen::MatrixXd& X, const PosteriorRequest& request) const {
  const Covariance& covariance = target_->covariance();
  const double scale = target_->data().scale;
  const Points points = covariance.points(X);
  Covariance::Cross cross = covariance.cross(theta_, points, target_->points());
  const Eigen::MatrixXd with_mean = cross.value.array() + constant();
  const Eigen::MatrixXd solved = product(with_mean, Transpose::no, inverse_, Transpose::no);
  GaussianPosterior::Moments out;
  finish(with_mean, solved, covariance.diagonal(theta_, points).array() + constant(), 1.0, out);
  add_noise(out, 1.0);
  if (request.joint) {
    Covariance::Workspace work;
    covariance.evaluate_lower(theta_, points, work, out.covariance);
    Eigen::MatrixXd half = with_mean;
    solve_right_transposed(lower_, half);
    out.covariance.array() += constant();
    out.covariance -= self_product_lower(half);
    out.covariance *= scale * scale;
    mirror_lower(out.covariance);
    out.covariance.diagonal() = out.variance;
  }
  if (request.gradients) {
    const Eigen::MatrixXd alphas = alpha_.transpose().replicate(points.count(), 1);
    out.mean_gradient = scale * covariance.input_gradient(theta_, cross, alphas);
    out.variance_gradient =
        scale * scale *
        (covariance.diagonal_gradient(theta_, points) - 2.0 * covariance.input_gradient(theta_, cross, solved));
  }
  if (request.joint && request.gradients) {
    out.covariance_gradient = covariance_gradient(points, std::move(cross), solved, Eigen::VectorXd::Ones(1));
  }
  return out;
}

GaussianPosterior::Moments Conditioned::average(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                                const PosteriorRequest& request) const {
  const Covariance& covariance = target_->covariance();
  const double scale = target_->data().scale;
  const Points points = covariance.points(X);
  Covariance::Cross cross = covariance.cross(theta_, points, target_->points());
  const Eigen::MatrixXd averaged = weighted_rows(cross.value, weights).array() + constant() * weights.sum();
  const Eigen::MatrixXd solved = product(averaged, Transpose::no, inverse_, Transpose::no);
  GaussianPosterior::Moments out;
  finish(averaged, solved, prior_variance_of_averages(points, weights), weights.sum(), out);
  add_noise(out, weights.squaredNorm());
  if (request.reading) {
    out.within_variance += spread_of_levels(cross.value.array() + constant(), points, weights, out);
  } else {
    out.within_variance.resize(0);
  }
  if (request.joint) {
    Eigen::MatrixXd half = averaged;
    solve_right_transposed(lower_, half);
    out.covariance = prior_of_averages(points, weights);
    out.covariance -= self_product_lower(half);
    out.covariance *= scale * scale;
    mirror_lower(out.covariance);
    out.covariance.diagonal() = out.variance;
  }
  if (request.gradients) {
    const auto by_level = [&](const Eigen::MatrixXd& coefficient) {
      const Eigen::MatrixXd each = covariance.input_gradient(theta_, cross, spread_rows(coefficient, weights));
      return weighted_rows(each, Eigen::VectorXd::Ones(weights.size()));
    };
    const Eigen::MatrixXd alphas = alpha_.transpose().replicate(averaged.rows(), 1);
    out.mean_gradient = scale * by_level(alphas);
    out.variance_gradient = -2.0 * scale * scale * by_level(solved);
    if (!covariance.stationary()) {
      for (Eigen::Index i = 0; i < averaged.rows(); ++i) {
        const Points own = rows_of(points, i * weights.size(), weights.size());
        const Eigen::MatrixXd each =
            covariance.input_gradient(theta_, covariance.cross(theta_, own, own), weights * weights.transpose());
        out.variance_gradient.row(i) += 2.0 * scale * scale * each.colwise().sum();
      }
    }
  }
  if (request.joint && request.gradients) {
    out.covariance_gradient = covariance_gradient(points, std::move(cross), solved, weights);
  }
  return out;
}

GaussianPosterior::Moments Conditioned::prior(const Eigen::MatrixXd& X, const PosteriorRequest& request) const {
  const Covariance& covariance = target_->covariance();
  const TrainingData& data = target_->data();
  const double unit = data.scale * data.scale;
  const Points points = covariance.points(X);
  GaussianPosterior::Moments out;
  out.mean = Eigen::VectorXd::Constant(points.count(), data.location + data.scale * mean_);
  out.variance = unit * (covariance.diagonal(theta_, points).array() + constant());
  add_noise(out, 1.0);
  if (request.joint) {
    Covariance::Workspace work;
    covariance.evaluate_lower(theta_, points, work, out.covariance);
    out.covariance.array() += constant();
    out.covariance *= unit;
    mirror_lower(out.covariance);
  }
  if (request.gradients) {
    out.mean_gradient = Eigen::MatrixXd::Zero(X.rows(), X.cols());
    out.variance_gradient = unit * covariance.diagonal_gradient(theta_, points);
  }
  if (request.joint && request.gradients) {
    out.covariance_gradient = covariance_gradient(points, {}, {}, Eigen::VectorXd::Ones(1));
  }
  return out;
}

CovarianceGradient Conditioned::covariance_gradient(const Points& points, Covariance::Cross cross,
                                                    Eigen::MatrixXd solved, Eigen::VectorXd weights) const {
  // What the prediction made is kept; what only this gradient needs is made when it is asked for. The closure shares
  // the training data, so it may outlive this object.
  struct Kept {
    std::shared_ptr<const LogPosterior> target;
    Eigen::VectorXd theta;
    Points points;
    Covariance::Cross cross;
    Eigen::MatrixXd solved;
    Eigen::VectorXd weights;
  };
  auto kept = std::make_shared<const Kept>(
      Kept{target_, theta_, points, std::move(cross), std::move(solved), std::move(weights)});
  return [kept = std::move(kept)](const Eigen::MatrixXd& w) -> Eigen::MatrixXd {
    const Covariance& covariance = kept->target->covariance();
    const double unit = kept->target->data().scale * kept->target->data().scale;
    const Eigen::VectorXd& levels = kept->weights;
    const Eigen::Index count = levels.size();
    // ∂(K_jk)/∂x_i meets row i twice, as a row and as a column; a point's own variance has its own derivative.
    Eigen::MatrixXd pairs = count == 1 ? w : spread_rows(spread_rows(w, levels).transpose(), levels);
    const Eigen::VectorXd own = pairs.diagonal();
    pairs.diagonal().setZero();
    const Covariance::Cross among = covariance.cross(kept->theta, kept->points, kept->points);
    Eigen::MatrixXd each = 2.0 * covariance.input_gradient(kept->theta, among, pairs);
    if (!covariance.stationary()) each += own.asDiagonal() * covariance.diagonal_gradient(kept->theta, kept->points);
    if (kept->solved.size() > 0) {
      const Eigen::MatrixXd pulled = product(w, Transpose::no, kept->solved, Transpose::no);
      each -=
          2.0 * covariance.input_gradient(kept->theta, kept->cross, count == 1 ? pulled : spread_rows(pulled, levels));
    }
    return unit * (count == 1 ? each : weighted_rows(each, Eigen::VectorXd::Ones(count)));
  };
}

Eigen::VectorXd Conditioned::spread_of_levels(const Eigen::MatrixXd& cross, const Points& points,
                                              const Eigen::VectorXd& weights,
                                              const GaussianPosterior::Moments& average) const {
  const Eigen::MatrixXd solved = product(cross, Transpose::no, inverse_, Transpose::no);
  GaussianPosterior::Moments each;
  finish(cross, solved, target_->covariance().diagonal(theta_, points).array() + constant(), 1.0, each);
  return level_spread(each.mean, each.variance, weights, average.mean, average.variance);
}

Eigen::VectorXd Conditioned::prior_variance_of_averages(const Points& points, const Eigen::VectorXd& weights) const {
  const Eigen::Index levels = weights.size();
  const Eigen::Index q = points.count() / levels;
  const double sum = weights.sum();
  Eigen::VectorXd out(q);
  for (Eigen::Index i = 0; i < q; ++i) {
    const Points own = rows_of(points, i * levels, levels);
    out(i) = weights.dot(target_->covariance().cross(theta_, own, own).value * weights) + constant() * sum * sum;
  }
  return out;
}

Eigen::MatrixXd Conditioned::prior_of_averages(const Points& points, const Eigen::VectorXd& weights) const {
  const Eigen::MatrixXd all = target_->covariance().cross(theta_, points, points).value;
  const Eigen::MatrixXd rows = weighted_rows(all, weights);
  return weighted_rows(rows.transpose(), weights).array() + constant() * weights.sum() * weights.sum();
}

Eigen::VectorXd Conditioned::left_out_residuals() const {
  // Left out, a row misses its prediction by alpha_i / inverse_ii with variance 1 / inverse_ii, noise / W_i included;
  // for a reading of weight 1 the noise counts whole.
  const Eigen::ArrayXd precision = inverse_.diagonal().array();
  const Eigen::ArrayXd weight = target_->data().weight.array();
  const double within = target_->noise(theta_).within;
  return (alpha_.array() / precision) / (1.0 / precision - within / weight + within).sqrt();
}

NoiseVariances Conditioned::noise() const {
  const double unit = target_->data().scale * target_->data().scale;
  NoiseVariances out = target_->noise(theta_);
  if (target_->one_level()) out = {.between = out.between + out.within, .point = 0.0, .within = 0.0};
  return {.between = unit * out.between, .point = unit * out.point, .within = unit * out.within};
}

}  // namespace luban::surrogate::detail
