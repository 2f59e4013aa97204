#include <luban/surrogate/detail/conditioned_beside.hpp>

#include <utility>

#include <luban/surrogate/detail/dense.hpp>

namespace luban::surrogate::detail {

namespace {

// Beyond this condition number the explicit inverse would cost a joint covariance digits that its factor needs.
constexpr double well_conditioned = 1e8;

bool is_ill_conditioned(const Eigen::MatrixXd& lower) {
  if (lower.size() == 0) return false;
  const double ratio = lower.diagonal().maxCoeff() / lower.diagonal().minCoeff();
  return !(ratio * ratio < well_conditioned);
}

}  // namespace

ConditionedBeside::ConditionedBeside(std::shared_ptr<const Conditioned> process, const Eigen::MatrixXd& fixed)
    : process_(std::move(process)), ill_conditioned_(is_ill_conditioned(process_->lower())) {
  const Covariance& covariance = process_->target().covariance();
  const Points points = covariance.points(fixed);
  fixed_ = covariance.coordinates(process_->theta(), points);
  Eigen::MatrixXd cross = covariance.cross(process_->theta(), process_->coordinates(), points).value;
  cross.array() += process_->constant();
  solved_ = process_->solve(cross);
}

BesideMoments ConditionedBeside::moments(const Eigen::MatrixXd& X, bool joint) const {
  const Covariance& covariance = process_->target().covariance();
  const Eigen::VectorXd& theta = process_->theta();
  const TrainingData& data = process_->target().data();
  const double constant = process_->constant();
  const double unit = data.scale * data.scale;
  BesideMoments out;
  out.with_training = covariance.cross(theta, process_->coordinates(), covariance.points(X));
  const Points& points = out.with_training.points;
  out.with_training.value.array() += constant;
  const Eigen::MatrixXd& cross = out.with_training.value;
  out.with_fixed = covariance.cross(theta, fixed_, points);
  out.mean =
      (data.scale * (cross.transpose() * process_->alpha())).array() + data.location + data.scale * process_->mean();
  out.cross = out.with_fixed.value.transpose().array() + constant;
  out.cross.noalias() -= cross.transpose() * solved_;
  out.cross *= unit;
  // Explained covariance kᵀ C⁻¹ k: by triangular solves, or, where that loses no digits, by the inverse.
  Eigen::MatrixXd half;
  if (ill_conditioned_) {
    half = cross.transpose();
    solve_right_transposed(process_->lower(), half);
  } else {
    out.solved = process_->solve(cross);
  }
  const Eigen::VectorXd explained = ill_conditioned_
                                        ? Eigen::VectorXd(half.rowwise().squaredNorm())
                                        : Eigen::VectorXd(cross.cwiseProduct(out.solved).colwise().sum().transpose());
  const Eigen::VectorXd prior = covariance.diagonal(theta, points).array() + constant;
  out.variance = unit * (prior - explained).cwiseMax(smallest_share * prior);
  if (joint) {
    out.own = std::make_shared<const Covariance::Coordinates>(covariance.coordinates(theta, points));
    out.among = covariance.cross(theta, *out.own, points);
    out.covariance = out.among.value.array() + constant;
    if (ill_conditioned_) {
      out.covariance.noalias() -= half * half.transpose();
    } else {
      out.covariance.noalias() -= cross.transpose() * out.solved;
    }
    out.covariance *= unit;
    mirror_lower(out.covariance);
    out.covariance.diagonal() = out.variance;
  }
  return out;
}

Eigen::MatrixXd ConditionedBeside::pullback(const BesideMoments& at, const PullbackWeights& weights) const {
  const Covariance& covariance = process_->target().covariance();
  const Eigen::VectorXd& theta = process_->theta();
  const Points& points = at.with_training.points;
  const double scale = process_->target().data().scale;
  const double unit = scale * scale;
  const Eigen::Index q = at.mean.size();
  const bool joint = weights.covariance.size() > 0;
  // Everything that acts through K_nx is gathered first: one pass over the training points.
  Eigen::MatrixXd training = Eigen::MatrixXd::Zero(process_->alpha().size(), q);
  if (weights.mean.size() > 0) training.noalias() = scale * process_->alpha() * weights.mean.transpose();
  if (weights.cross.size() > 0) training.noalias() -= unit * solved_ * weights.cross.transpose();
  Eigen::VectorXd own = Eigen::VectorXd::Zero(q);
  if (weights.variance.size() > 0) own = weights.variance;
  if (joint) own += weights.covariance.diagonal();
  if (joint || weights.variance.size() > 0) {
    Eigen::MatrixXd all = joint ? weights.covariance : Eigen::MatrixXd::Zero(q, q);
    all.diagonal() = own;
    training.noalias() -=
        2.0 * unit * (at.solved.size() > 0 ? at.solved : process_->solve(at.with_training.value)) * all;
  }
  Eigen::MatrixXd out = covariance.input_gradients(theta, at.with_training, {&training})[0];
  if (weights.cross.size() > 0) {
    const Eigen::MatrixXd columns = weights.cross.transpose();
    out += unit * covariance.input_gradients(theta, at.with_fixed, {&columns})[0];
  }
  if (joint) {
    Eigen::MatrixXd pairs = weights.covariance;
    pairs.diagonal().setZero();  // a point's own variance has its own derivative
    out += 2.0 * unit * covariance.input_gradients(theta, at.among, {&pairs})[0];
  }
  if (!covariance.stationary()) out += unit * (own.asDiagonal() * covariance.diagonal_gradient(theta, points));
  return out;
}

}  // namespace luban::surrogate::detail
