#include <luban/surrogate/detail/conditioned.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <utility>

#include <luban/parallel/arena.hpp>
#include <luban/surrogate/detail/dense.hpp>
#include <luban/surrogate/detail/factorisation.hpp>
#include <luban/surrogate/detail/inputs.hpp>
#include <luban/surrogate/detail/levels.hpp>

namespace luban::surrogate::detail {

namespace {

constexpr Eigen::Index rows_at_once = 64;              // of a mean; fixed, so threads change nothing
constexpr Eigen::Index least_parallel_pairs = 60'000;  // covariances that are worth waking a thread

Points rows_of(const Points& points, Eigen::Index first, Eigen::Index count) {
  return {points.numeric.middleRows(first, count), points.one_hot.middleRows(first, count)};
}

// What the data take from the prior's variance, of each column.
Eigen::VectorXd explained(const Eigen::MatrixXd& cross, const Eigen::MatrixXd& solved) {
  return solved.cwiseProduct(cross).colwise().sum().transpose();
}

}  // namespace

Conditioned::Conditioned(std::shared_ptr<const LogPosterior> target, Eigen::VectorXd theta,
                         LogPosterior::Workspace work)
    : target_(std::move(target)), theta_(std::move(theta)), prior_theta_(theta_) {
  if (work.holds_inverse_at(theta_)) {
    work.matrix.triangularView<Eigen::StrictlyUpper>().setZero();
    mirror_lower(work.inverse);
  } else {
    target_->total_covariance(theta_, work);
    Factorisation factor = factorise(work.matrix, "surrogate.gaussian_process");
    jitter_ = factor.jitter;
    ridge_ = jitter_ > 0.0 ? jitter_ * work.matrix.diagonal().cwiseAbs().mean() : 0.0;
    degraded_ = factor.degraded;
    work.matrix = std::move(factor.lower);
    work.inverse = inverse_from_cholesky(work.matrix);
  }
  coordinates_ = std::make_shared<const Covariance::Coordinates>(std::move(work.covariance.coordinates));
  const Eigen::VectorXd& y = target_->data().y;
  mean_ = profiled_mean(target_->mean_variance(), work.inverse, y);
  alpha_ = work.inverse * (y.array() - mean_).matrix();
  factor_ = GrownFactor(std::move(work.matrix), std::move(work.inverse));
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

void Conditioned::add_varying_noise(const Points& points, const Eigen::VectorXd& weights,
                                    const PosteriorRequest& request, Eigen::Index inputs,
                                    GaussianPosterior::Moments& out) const {
  if (!target_->noise_varies()) return add_noise(out, weights.squaredNorm());
  const NoiseVariances noise = this->noise();
  const Eigen::RowVectorXd shape = target_->noise_shape(theta_, points).transpose();
  const Eigen::ArrayXd runs = weighted_columns(shape.cwiseSqrt(), weights).transpose().array().square();
  const Eigen::ArrayXd own = weighted_columns(shape, weights.cwiseAbs2()).transpose();
  const Eigen::ArrayXd reading = weighted_columns(shape, weights).transpose();
  out.between_variance = noise.between * runs + noise.point * own;
  out.within_variance = (noise.between + noise.point + noise.within) * reading - out.between_variance.array();
  if (request.gradients) out.between_gradient = target_->noise_gradient(theta_, out.between_variance, inputs);
}

void Conditioned::finish(const Eigen::MatrixXd& cross, const Eigen::VectorXd& taken,
                         const Eigen::VectorXd& prior_variance, double sum_weights,
                         GaussianPosterior::Moments& out) const {
  const TrainingData& data = target_->data();
  out.mean = (data.scale * (cross.transpose() * alpha_)).array() + sum_weights * (data.location + data.scale * mean_);
  out.variance = data.scale * data.scale * (prior_variance - taken).cwiseMax(smallest_share * prior_variance);
}

std::shared_ptr<const Conditioned> Conditioned::smoothed(const Eigen::VectorXd& sd) const {
  const Covariance& covariance = target_->covariance();
  if (target_->noise_varies()) return nullptr;
  const std::optional<Eigen::VectorXd> once = covariance.smoothed(theta_, sd);
  if (!once) return nullptr;
  auto out = std::make_shared<Conditioned>(*this);
  out->theta_ = *once;
  // Two expectations scatter both: the variances of their deviations add.
  out->prior_theta_ = *covariance.smoothed(theta_, std::numbers::sqrt2 * sd);
  out->coordinates_ = std::make_shared<const Covariance::Coordinates>(covariance.coordinates(*once, target_->points()));
  return out;
}

Eigen::MatrixXd Conditioned::solve(const Eigen::MatrixXd& cross) const {
  return factor_.solve(cross);
}

Eigen::MatrixXd Conditioned::joint(const Eigen::MatrixXd& half, Eigen::MatrixXd prior,
                                   const Eigen::VectorXd& variance) const {
  prior -= self_product_lower(half);
  prior *= target_->data().scale * target_->data().scale;
  mirror_lower(prior);
  prior.diagonal() = variance;
  return prior;
}

Eigen::VectorXd Conditioned::posterior_mean(const Eigen::MatrixXd& X) const {
  const Covariance& covariance = target_->covariance();
  const TrainingData& data = target_->data();
  Eigen::VectorXd out(X.rows());
  const auto blocks = static_cast<std::size_t>((X.rows() + rows_at_once - 1) / rows_at_once);
  const bool small = X.rows() * data.u() < least_parallel_pairs;
  parallel::for_each_index(
      blocks,
      [&](std::size_t block) {
        const auto first = static_cast<Eigen::Index>(block) * rows_at_once;
        const Eigen::Index count = std::min(rows_at_once, X.rows() - first);
        Eigen::MatrixXd cross =
            covariance.cross(theta_, *coordinates_, covariance.points(X.middleRows(first, count))).value;
        cross.array() += constant();
        out.segment(first, count) =
            (data.scale * (cross.transpose() * alpha_)).array() + (data.location + data.scale * mean_);
      },
      small ? 1 : parallel::concurrency());
  return out;
}

GaussianPosterior::Moments Conditioned::moments(const Eigen::MatrixXd& X, const PosteriorRequest& request) const {
  const Covariance& covariance = target_->covariance();
  const double scale = target_->data().scale;
  Covariance::Cross cross = covariance.cross(theta_, *coordinates_, covariance.points(X));
  const Points& points = cross.points;
  Eigen::MatrixXd& with_mean = cross.value;
  with_mean.array() += constant();
  Eigen::MatrixXd solved;
  if (request.gradients) solved = solve(with_mean);
  Eigen::MatrixXd half;
  if (request.joint) half = factor_.half_solve_right(with_mean.transpose());
  Eigen::VectorXd taken;
  if (request.gradients) {
    taken = explained(with_mean, solved);
  } else {
    taken = request.joint ? Eigen::VectorXd(half.rowwise().squaredNorm()) : factor_.explained(with_mean);
  }
  GaussianPosterior::Moments out;
  finish(with_mean, taken, covariance.diagonal(prior_theta_, points).array() + constant(), 1.0, out);
  add_varying_noise(points, Eigen::VectorXd::Ones(1), request, X.cols(), out);
  if (request.joint) {
    Covariance::Workspace work;
    Eigen::MatrixXd prior;
    covariance.evaluate_lower(prior_theta_, points, work, prior);
    prior.array() += constant();
    out.covariance = joint(half, std::move(prior), out.variance);
  }
  if (request.gradients) {
    const Eigen::MatrixXd alphas = alpha_.replicate(1, points.count());
    const std::vector<Eigen::MatrixXd> gradients = covariance.input_gradients(theta_, cross, {&alphas, &solved});
    out.mean_gradient = scale * gradients[0];
    out.variance_gradient = scale * scale * (covariance.diagonal_gradient(prior_theta_, points) - 2.0 * gradients[1]);
  }
  if (request.joint && request.gradients) {
    out.covariance_gradient = covariance_gradient(std::move(cross), solved, Eigen::VectorXd::Ones(1));
  }
  return out;
}

GaussianPosterior::Moments Conditioned::average(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                                const PosteriorRequest& request) const {
  const Covariance& covariance = target_->covariance();
  const double scale = target_->data().scale;
  Covariance::Cross cross = covariance.cross(theta_, *coordinates_, covariance.points(X));
  const Points& points = cross.points;
  const Eigen::MatrixXd averaged = weighted_columns(cross.value, weights).array() + constant() * weights.sum();
  const Eigen::MatrixXd solved = solve(averaged);
  GaussianPosterior::Moments out;
  finish(averaged, explained(averaged, solved), prior_variance_of_averages(points, weights), weights.sum(), out);
  add_varying_noise(points, weights, request, X.cols(), out);
  if (request.reading) {
    out.within_variance += spread_of_levels(cross.value.array() + constant(), points, weights, out);
  } else {
    out.within_variance.resize(0);
  }
  if (request.joint) {
    const Eigen::MatrixXd half = factor_.half_solve_right(averaged.transpose());
    out.covariance = joint(half, prior_of_averages(points, weights), out.variance);
  }
  if (request.gradients) {
    const Eigen::MatrixXd alphas = spread_columns(alpha_.replicate(1, averaged.cols()), weights);
    const Eigen::MatrixXd spread = spread_columns(solved, weights);
    const std::vector<Eigen::MatrixXd> each = covariance.input_gradients(theta_, cross, {&alphas, &spread});
    const Eigen::VectorXd ones = Eigen::VectorXd::Ones(weights.size());
    out.mean_gradient = scale * weighted_columns(each[0].transpose(), ones).transpose();
    out.variance_gradient = -2.0 * scale * scale * weighted_columns(each[1].transpose(), ones).transpose();
    if (!covariance.stationary()) add_gradient_of_prior_averages(points, weights, out.variance_gradient);
  }
  if (request.joint && request.gradients) {
    out.covariance_gradient = covariance_gradient(std::move(cross), solved, weights);
  }
  return out;
}

void Conditioned::add_gradient_of_prior_averages(const Points& points, const Eigen::VectorXd& weights,
                                                 Eigen::MatrixXd& variance_gradient) const {
  const Covariance& covariance = target_->covariance();
  const double unit = target_->data().scale * target_->data().scale;
  const Eigen::MatrixXd pairs = weights * weights.transpose();
  for (Eigen::Index i = 0; i < variance_gradient.rows(); ++i) {
    const Points own = rows_of(points, i * weights.size(), weights.size());
    const Covariance::Coordinates coordinates = covariance.coordinates(prior_theta_, own);
    const Covariance::Cross cross = covariance.cross(prior_theta_, coordinates, own);
    variance_gradient.row(i) +=
        2.0 * unit * covariance.input_gradients(prior_theta_, cross, {&pairs})[0].colwise().sum();
  }
}

GaussianPosterior::Moments Conditioned::prior(const Eigen::MatrixXd& X, const PosteriorRequest& request) const {
  const Covariance& covariance = target_->covariance();
  const TrainingData& data = target_->data();
  const double unit = data.scale * data.scale;
  const Points points = covariance.points(X);
  GaussianPosterior::Moments out;
  out.mean = Eigen::VectorXd::Constant(points.count(), data.location + data.scale * mean_);
  out.variance = unit * (covariance.diagonal(prior_theta_, points).array() + constant());
  add_varying_noise(points, Eigen::VectorXd::Ones(1), request, X.cols(), out);
  if (request.joint) {
    Covariance::Workspace work;
    covariance.evaluate_lower(prior_theta_, points, work, out.covariance);
    out.covariance.array() += constant();
    out.covariance *= unit;
    mirror_lower(out.covariance);
  }
  if (request.gradients) {
    out.mean_gradient = Eigen::MatrixXd::Zero(X.rows(), X.cols());
    out.variance_gradient = unit * covariance.diagonal_gradient(prior_theta_, points);
  }
  if (request.joint && request.gradients) {
    Covariance::Cross none;
    none.points = points;
    out.covariance_gradient = covariance_gradient(std::move(none), {}, Eigen::VectorXd::Ones(1));
  }
  return out;
}

CovarianceGradient Conditioned::covariance_gradient(Covariance::Cross cross, Eigen::MatrixXd solved,
                                                    Eigen::VectorXd weights) const {
  // What the prediction made is kept; what only this gradient needs is made when it is asked for. The closure shares
  // what it points to, so it may outlive this object.
  struct Kept {
    std::shared_ptr<const LogPosterior> target;
    std::shared_ptr<const Covariance::Coordinates> coordinates;
    Eigen::VectorXd theta;
    Eigen::VectorXd prior_theta;
    Covariance::Cross cross;
    Eigen::MatrixXd solved;
    Eigen::VectorXd weights;
  };
  const auto kept = std::make_shared<const Kept>(
      Kept{target_, coordinates_, theta_, prior_theta_, std::move(cross), std::move(solved), std::move(weights)});
  return [kept](const Eigen::MatrixXd& w) -> Eigen::MatrixXd {
    const Covariance& covariance = kept->target->covariance();
    const Points& points = kept->cross.points;
    const Eigen::VectorXd& levels = kept->weights;
    const bool one = levels.size() == 1;
    // ∂K_jk/∂x_i meets x_i twice, as a row and as a column; a point's own variance has its own derivative.
    Eigen::MatrixXd pairs = one ? w : spread_both(w, levels);
    const Eigen::VectorXd own = pairs.diagonal();
    pairs.diagonal().setZero();
    const Covariance::Coordinates coordinates = covariance.coordinates(kept->prior_theta, points);
    const Covariance::Cross among = covariance.cross(kept->prior_theta, coordinates, points);
    Eigen::MatrixXd each = 2.0 * covariance.input_gradients(kept->prior_theta, among, {&pairs})[0];
    if (!covariance.stationary()) each += own.asDiagonal() * covariance.diagonal_gradient(kept->prior_theta, points);
    if (kept->solved.size() > 0) {
      Eigen::MatrixXd pulled = product(kept->solved, Transpose::no, w, Transpose::no);
      if (!one) pulled = spread_columns(pulled, levels);
      each -= 2.0 * covariance.input_gradients(kept->theta, kept->cross, {&pulled})[0];
    }
    const double unit = kept->target->data().scale * kept->target->data().scale;
    if (one) return unit * each;
    return unit * weighted_columns(each.transpose(), Eigen::VectorXd::Ones(levels.size())).transpose();
  };
}

Eigen::VectorXd Conditioned::spread_of_levels(const Eigen::MatrixXd& cross, const Points& points,
                                              const Eigen::VectorXd& weights,
                                              const GaussianPosterior::Moments& average) const {
  GaussianPosterior::Moments each;
  finish(cross, factor_.explained(cross), target_->covariance().diagonal(prior_theta_, points).array() + constant(),
         1.0, each);
  return level_spread(each.mean, each.variance, weights, average.mean, average.variance);
}

Eigen::MatrixXd Conditioned::among(const Points& points) const {
  const Covariance& covariance = target_->covariance();
  return covariance.cross(prior_theta_, covariance.coordinates(prior_theta_, points), points).value;
}

Eigen::VectorXd Conditioned::prior_variance_of_averages(const Points& points, const Eigen::VectorXd& weights) const {
  const Eigen::Index levels = weights.size();
  const Eigen::Index q = points.count() / levels;
  const double sum = weights.sum();
  Eigen::VectorXd out(q);
  for (Eigen::Index i = 0; i < q; ++i) {
    const Points own = rows_of(points, i * levels, levels);
    out(i) = weights.dot(among(own) * weights) + constant() * sum * sum;
  }
  return out;
}

Eigen::MatrixXd Conditioned::prior_of_averages(const Points& points, const Eigen::VectorXd& weights) const {
  const Eigen::MatrixXd columns = weighted_columns(among(points), weights);
  return weighted_columns(columns.transpose(), weights).array() + constant() * weights.sum() * weights.sum();
}

Eigen::VectorXd Conditioned::left_out_residuals() const {
  // Left out, a row misses its prediction by alpha_i / inverse_ii with variance 1 / inverse_ii, noise / W_i included;
  // for a reading of weight 1 the noise counts whole.
  const Eigen::ArrayXd precision = factor_.inverse().diagonal().array();
  const Eigen::ArrayXd weight = target_->data().weight.array();
  const Eigen::ArrayXd within = target_->noise(theta_).within * target_->noise_shape(theta_, target_->points()).array();
  return (alpha_.array() / precision) / (1.0 / precision - within / weight + within).sqrt();
}

Conditioned::LeftOutMoments Conditioned::left_out(const std::vector<std::vector<Eigen::Index>>& groups) const {
  const Eigen::VectorXd& y = target_->data().y;
  const NoiseVariances noise = target_->noise(theta_);
  const Eigen::VectorXd shape = target_->noise_shape(theta_, target_->points());
  const bool free_mean = !std::isfinite(target_->mean_variance());
  const Eigen::MatrixXd& inverse = factor_.inverse();
  const Eigen::VectorXd ones = inverse * Eigen::VectorXd::Ones(y.size());  // C⁻¹ 1
  const Eigen::VectorXd solved = alpha_ + mean_ * ones;                    // C⁻¹ y
  LeftOutMoments out{y, y, y};
  for (const std::vector<Eigen::Index>& rows : groups) {
    // Of the group given the others: covariance (C⁻¹)_gg⁻¹, and y misses its mean by that times (C⁻¹ (y − mean))_g.
    const Eigen::MatrixXd precision = inverse(rows, rows);
    const Eigen::MatrixXd covariance = inverse_from_cholesky(factorise(precision, "surrogate.left_out").lower);
    double mean = mean_;
    if (free_mean) {
      const Eigen::VectorXd weighted = covariance * ones(rows);
      mean = (ones.dot(y) - weighted.dot(solved(rows))) / (ones.sum() - weighted.dot(ones(rows)));
    }
    const Eigen::VectorXd residual = covariance * (solved(rows) - mean * ones(rows));
    for (std::size_t k = 0; k < rows.size(); ++k) {
      const auto at = static_cast<Eigen::Index>(k);
      const Eigen::Index row = rows[k];
      const double own = shape(row) * (noise.between + noise.point + noise.within / target_->data().weight(row));
      out.mean(row) = y(row) - residual(at);
      out.variance(row) = covariance(at, at);
      out.latent_variance(row) = std::max(covariance(at, at) - own, smallest_share * covariance(at, at));
    }
  }
  return out;
}

NoiseVariances Conditioned::noise() const {
  const double unit = target_->data().scale * target_->data().scale;
  NoiseVariances out = target_->noise(theta_);
  if (target_->one_level()) out = {.between = out.between + out.within, .point = 0.0, .within = 0.0};
  return {.between = unit * out.between, .point = unit * out.point, .within = unit * out.within};
}

}  // namespace luban::surrogate::detail
