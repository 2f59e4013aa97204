#include <luban/surrogate/detail/conditioned_beside.hpp>

#include <utility>

#include <luban/surrogate/detail/dense.hpp>

namespace luban::surrogate::detail {

ConditionedBeside::ConditionedBeside(std::shared_ptr<const Conditioned> process, const Eigen::MatrixXd& fixed)
    : process_(std::move(process)), fixed_(process_->target().covariance().points(fixed)) {
  const Covariance::Cross cross =
      process_->target().covariance().cross(process_->theta(), process_->target().points(), fixed_);
  const Eigen::MatrixXd with_mean = cross.value.array() + process_->constant();
  solved_ = product(process_->inverse(), Transpose::no, with_mean, Transpose::no);
}

BesideMoments ConditionedBeside::moments(const Eigen::MatrixXd& X, bool joint) const {
  const Covariance& covariance = process_->target().covariance();
  const Eigen::VectorXd& theta = process_->theta();
  const TrainingData& data = process_->target().data();
  const double constant = process_->constant();
  const double unit = data.scale * data.scale;
  BesideMoments out;
  out.inputs = X.cols();
  out.points = covariance.points(X);
  out.with_training = covariance.cross(theta, out.points, process_->target().points());
  out.with_fixed = covariance.cross(theta, out.points, fixed_);
  const Eigen::MatrixXd with_mean = out.with_training.value.array() + constant;
  out.mean = (data.scale * (with_mean * process_->alpha())).array() + data.location + data.scale * process_->mean();
  out.cross = out.with_fixed.value.array() + constant;
  add_product(-1.0, with_mean, Transpose::no, solved_, Transpose::no, out.cross);
  out.cross *= unit;
  Eigen::MatrixXd half = with_mean;
  solve_right_transposed(process_->lower(), half);
  const Eigen::VectorXd prior = covariance.diagonal(theta, out.points).array() + constant;
  out.variance = unit * (prior - half.rowwise().squaredNorm()).cwiseMax(smallest_share * prior);
  if (joint) {
    out.among = covariance.cross(theta, out.points, out.points);
    out.covariance = out.among.value.array() + constant;
    add_product(-1.0, half, Transpose::no, half, Transpose::yes, out.covariance);
    out.covariance *= unit;
    mirror_lower(out.covariance);
    out.covariance.diagonal() = out.variance;
  }
  return out;
}

Eigen::MatrixXd ConditionedBeside::pullback(const BesideMoments& at, const PullbackWeights& weights) const {
  const Covariance& covariance = process_->target().covariance();
  const Eigen::VectorXd& theta = process_->theta();
  const double scale = process_->target().data().scale;
  const double unit = scale * scale;
  const Eigen::Index q = at.mean.size();
  const bool joint = weights.covariance.size() > 0;
  // Everything that acts through K_xn is gathered first: one pass over the training points.
  Eigen::MatrixXd training = Eigen::MatrixXd::Zero(q, process_->alpha().size());
  if (weights.mean.size() > 0) training = scale * weights.mean * process_->alpha().transpose();
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(q, at.inputs);
  if (weights.cross.size() > 0) {
    add_product(-unit, weights.cross, Transpose::no, solved_, Transpose::yes, training);
    out += unit * covariance.input_gradient(theta, at.with_fixed, weights.cross);
  }
  if (joint || weights.variance.size() > 0) {
    const Eigen::MatrixXd with_mean = at.with_training.value.array() + process_->constant();
    const Eigen::MatrixXd solved = product(with_mean, Transpose::no, process_->inverse(), Transpose::no);
    Eigen::VectorXd own = Eigen::VectorXd::Zero(q);
    if (weights.variance.size() > 0) own = weights.variance;
    if (joint) {
      own += weights.covariance.diagonal();
      Eigen::MatrixXd pairs = weights.covariance;
      pairs.diagonal().setZero();  // a point's own variance has its own derivative
      out += 2.0 * unit * covariance.input_gradient(theta, at.among, pairs);
      add_product(-2.0 * unit, pairs, Transpose::no, solved, Transpose::no, training);
    }
    training -= 2.0 * unit * (own.asDiagonal() * solved);
    if (!covariance.stationary()) out += unit * (own.asDiagonal() * covariance.diagonal_gradient(theta, at.points));
  }
  out += covariance.input_gradient(theta, at.with_training, training);
  return out;
}

}  // namespace luban::surrogate::detail
