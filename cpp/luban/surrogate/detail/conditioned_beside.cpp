#include <luban/surrogate/detail/conditioned_beside.hpp>

#include <utility>

#include <luban/surrogate/detail/dense.hpp>
#include <luban/surrogate/detail/inputs.hpp>
#include <luban/surrogate/detail/levels.hpp>

namespace luban::surrogate::detail {

namespace {

// Beyond this condition number the explicit inverse would cost a joint covariance digits that its factor needs.
constexpr double well_conditioned = 1e6;

bool is_ill_conditioned(const Eigen::MatrixXd& lower) {
  if (lower.size() == 0) return false;
  const double ratio = lower.diagonal().maxCoeff() / lower.diagonal().minCoeff();
  return !(ratio * ratio < well_conditioned);
}

Points rows_of(const Points& points, Eigen::Index first, Eigen::Index count) {
  return {points.numeric.middleRows(first, count), points.one_hot.middleRows(first, count)};
}

}  // namespace

ConditionedBeside::ConditionedBeside(std::shared_ptr<const Conditioned> process, const Eigen::MatrixXd& fixed,
                                     Eigen::VectorXd weights)
    : process_(std::move(process)),
      ill_conditioned_(is_ill_conditioned(process_->lower())),
      levels_(std::move(weights)) {
  const Covariance& covariance = process_->target().covariance();
  const Points points = covariance.points(fixed);
  fixed_ = covariance.coordinates(process_->theta(), points);
  Eigen::MatrixXd cross = averaged(covariance.cross(process_->theta(), process_->coordinates(), points).value);
  cross.array() += process_->constant();
  solved_ = process_->solve(cross);
}

Eigen::MatrixXd ConditionedBeside::averaged(const Eigen::MatrixXd& columns) const {
  return levels_.size() == 1 ? columns : weighted_columns(columns, levels_);
}

Eigen::MatrixXd ConditionedBeside::averaged_both(const Eigen::MatrixXd& matrix) const {
  return levels_.size() == 1 ? matrix : weighted_both(matrix, levels_);
}

Eigen::MatrixXd ConditionedBeside::spread(const Eigen::MatrixXd& columns) const {
  return levels_.size() == 1 ? columns : spread_columns(columns, levels_);
}

Eigen::MatrixXd ConditionedBeside::spread_over_both(const Eigen::MatrixXd& matrix) const {
  return levels_.size() == 1 ? matrix : spread_both(matrix, levels_);
}

double ConditionedBeside::between() const {
  // A run read at several points averages their own effects; one more reading takes one of them whole.
  const NoiseVariances noise = process_->noise();
  return noise.between + noise.point * levels_.squaredNorm();
}

Eigen::VectorXd ConditionedBeside::prior_variance(const BesideMoments& at) const {
  const Covariance& covariance = process_->target().covariance();
  const Points& points = at.with_training.points;
  if (levels_.size() == 1) return covariance.diagonal(process_->theta(), points);
  Eigen::VectorXd out(at.training.cols());
  for (Eigen::Index i = 0; i < out.size(); ++i) {
    const Points own = rows_of(points, i * levels_.size(), levels_.size());
    const Covariance::Coordinates coordinates = covariance.coordinates(process_->theta(), own);
    out(i) = levels_.dot(covariance.cross(process_->theta(), coordinates, own).value * levels_);
  }
  return out;
}

Eigen::VectorXd ConditionedBeside::within(const BesideMoments& at) const {
  const NoiseVariances noise = process_->noise();
  const double own = noise.point * (1.0 - levels_.squaredNorm()) + noise.within;
  Eigen::VectorXd out = Eigen::VectorXd::Constant(at.mean.size(), own);
  if (levels_.size() == 1) return out;
  const TrainingData& data = process_->target().data();
  const Eigen::MatrixXd cross = at.with_training.value.array() + process_->constant();
  const Eigen::VectorXd mean =
      (data.scale * (cross.transpose() * process_->alpha())).array() + data.location + data.scale * process_->mean();
  const Eigen::VectorXd prior =
      process_->target().covariance().diagonal(process_->theta(), at.with_training.points).array() +
      process_->constant();
  const Eigen::VectorXd explained = cross.cwiseProduct(process_->solve(cross)).colwise().sum().transpose();
  const Eigen::VectorXd variance = data.scale * data.scale * (prior - explained).cwiseMax(smallest_share * prior);
  return out + level_spread(mean, variance, levels_, at.mean, at.variance);
}

BesideMoments ConditionedBeside::moments(const Eigen::MatrixXd& X, const PosteriorRequest& request) const {
  const Covariance& covariance = process_->target().covariance();
  const Eigen::VectorXd& theta = process_->theta();
  const TrainingData& data = process_->target().data();
  const double constant = process_->constant();
  const double unit = data.scale * data.scale;
  BesideMoments out;
  out.with_training = covariance.cross(theta, process_->coordinates(), covariance.points(X));
  out.with_fixed = covariance.cross(theta, fixed_, out.with_training.points);
  out.training = averaged(out.with_training.value);
  out.training.array() += constant;
  out.mean = (data.scale * (out.training.transpose() * process_->alpha())).array() + data.location +
             data.scale * process_->mean();
  out.cross = averaged_both(out.with_fixed.value).transpose().array() + constant;
  out.cross.noalias() -= out.training.transpose() * solved_;
  out.cross *= unit;
  // Explained covariance kᵀ C⁻¹ k: by triangular solves, or, where that loses no digits, by the inverse.
  Eigen::MatrixXd half;
  if (ill_conditioned_) {
    half = out.training.transpose();
    solve_right_transposed(process_->lower(), half);
  } else {
    out.solved = process_->solve(out.training);
  }
  const Eigen::VectorXd explained =
      ill_conditioned_ ? Eigen::VectorXd(half.rowwise().squaredNorm())
                       : Eigen::VectorXd(out.training.cwiseProduct(out.solved).colwise().sum().transpose());
  const Eigen::VectorXd prior = prior_variance(out).array() + constant;
  out.variance = unit * (prior - explained).cwiseMax(smallest_share * prior);
  if (request.reading) out.within = within(out);
  if (!request.joint) return out;
  out.own = std::make_shared<const Covariance::Coordinates>(covariance.coordinates(theta, out.with_training.points));
  out.among = covariance.cross(theta, *out.own, out.with_training.points);
  out.covariance = averaged_both(out.among.value).array() + constant;
  if (ill_conditioned_) {
    out.covariance.noalias() -= half * half.transpose();
  } else {
    out.covariance.noalias() -= out.training.transpose() * out.solved;
  }
  out.covariance *= unit;
  mirror_lower(out.covariance);
  out.covariance.diagonal() = out.variance;
  return out;
}

Eigen::MatrixXd ConditionedBeside::pullback(const BesideMoments& at, const PullbackWeights& weights) const {
  const Covariance& covariance = process_->target().covariance();
  const Eigen::VectorXd& theta = process_->theta();
  const Points& points = at.with_training.points;
  const double scale = process_->target().data().scale;
  const double unit = scale * scale;
  const Eigen::Index q = at.mean.size();
  const bool pairs = weights.covariance.size() > 0;
  const bool spreads = pairs || weights.variance.size() > 0;
  Eigen::MatrixXd among = pairs ? weights.covariance : Eigen::MatrixXd::Zero(q, q);
  if (weights.variance.size() > 0) among.diagonal() += weights.variance;
  // Everything that acts through K_nx is gathered first: one pass over the training points.
  Eigen::MatrixXd training = Eigen::MatrixXd::Zero(process_->alpha().size(), q);
  if (weights.mean.size() > 0) training.noalias() = scale * process_->alpha() * weights.mean.transpose();
  if (weights.cross.size() > 0) training.noalias() -= unit * solved_ * weights.cross.transpose();
  if (spreads) {
    const Eigen::MatrixXd solved = at.solved.size() > 0 ? at.solved : process_->solve(at.training);
    training.noalias() -= 2.0 * unit * solved * among;
  }
  training = spread(training);
  Eigen::MatrixXd out = covariance.input_gradients(theta, at.with_training, {&training})[0];
  if (weights.cross.size() > 0) {
    const Eigen::MatrixXd columns = spread_over_both(weights.cross.transpose());
    out += unit * covariance.input_gradients(theta, at.with_fixed, {&columns})[0];
  }
  // The prior's own part: pairs of different levels act through both, a level's own variance has its own derivative.
  if (pairs || (spreads && !covariance.stationary())) {
    Eigen::MatrixXd levels = spread_over_both(among);
    const Eigen::VectorXd own = levels.diagonal();
    levels.diagonal().setZero();
    if (!covariance.stationary()) out += unit * (own.asDiagonal() * covariance.diagonal_gradient(theta, points));
    if (at.own != nullptr) {
      out += 2.0 * unit * covariance.input_gradients(theta, at.among, {&levels})[0];
    } else if (levels_.size() > 1) {
      const Covariance::Coordinates coordinates = covariance.coordinates(theta, points);
      const Covariance::Cross cross = covariance.cross(theta, coordinates, points);
      out += 2.0 * unit * covariance.input_gradients(theta, cross, {&levels})[0];
    }
  }
  if (levels_.size() == 1) return out;
  return weighted_columns(out.transpose(), Eigen::VectorXd::Ones(levels_.size())).transpose();
}

}  // namespace luban::surrogate::detail
