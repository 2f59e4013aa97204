#include <cmath>
#include <optional>
#include <utility>

#include <luban/surrogate/detail/conditioned.hpp>
#include <luban/surrogate/detail/dense.hpp>
#include <luban/surrogate/detail/rank_one.hpp>

namespace luban::surrogate::detail {

namespace {

// So many rows are kept beside what was factorised at once; then it is made whole, to keep products with it fast.
constexpr Eigen::Index most_added = 32;
// One removed row in so many is where a new factorisation begins to be cheaper.
constexpr Eigen::Index dear = 16;

Covariance::Coordinates kept_coordinates(const Covariance::Coordinates& from, const std::vector<Eigen::Index>& removed,
                                         const Covariance::Coordinates& added) {
  std::vector<Eigen::Index> kept;
  std::size_t next = 0;
  for (Eigen::Index row = 0; row < from.count; ++row) {
    if (next < removed.size() && removed[next] == row) {
      ++next;
    } else {
      kept.push_back(row);
    }
  }
  const auto k = static_cast<Eigen::Index>(kept.size());
  Covariance::Coordinates out{k + added.count, {}};
  for (std::size_t f = 0; f < from.of_factor.size(); ++f) {
    const Eigen::MatrixXd& z = from.of_factor[f];
    Eigen::MatrixXd all(out.count, z.cols());
    all.topRows(k) = z(kept, Eigen::all);
    all.bottomRows(added.count) = added.of_factor[f];
    out.of_factor.push_back(std::move(all));
  }
  return out;
}

Points last_points(const Points& points, Eigen::Index count) {
  return {points.numeric.bottomRows(count), points.one_hot.bottomRows(count)};
}

// The factor without some rows, ascending.
GrownFactor without_rows(const GrownFactor& factor, const std::vector<Eigen::Index>& removed) {
  const auto leaving = static_cast<Eigen::Index>(removed.size());
  const Eigen::Index rest = factor.rows() - leaving;
  Eigen::MatrixXd lower(rest, rest);
  Eigen::MatrixXd inverse(rest, rest);
  RowRemoval removal(factor.lower(), factor.inverse());
  for (Eigen::Index k = leaving; k-- > 1;) removal.remove(removed[static_cast<std::size_t>(k)]);
  removal.remove_into(removed.front(), lower, inverse);
  return {std::move(lower), std::move(inverse)};
}

}  // namespace

std::shared_ptr<const Conditioned> Conditioned::changed(std::shared_ptr<const LogPosterior> target,
                                                        const std::vector<Eigen::Index>& removed,
                                                        Eigen::Index added) const {
  const Eigen::Index n = target_->data().u();
  const auto leaving = static_cast<Eigen::Index>(removed.size());
  if (degraded_ || leaving == n || leaving * dear > n) return std::make_shared<const Conditioned>(target, theta_);
  const Covariance& covariance = target->covariance();
  const std::shared_ptr<Conditioned> out(new Conditioned());
  out->target_ = target;
  out->theta_ = theta_;
  out->prior_theta_ = prior_theta_;
  out->jitter_ = jitter_;
  out->ridge_ = ridge_;
  out->coordinates_ = std::make_shared<const Covariance::Coordinates>(
      kept_coordinates(*coordinates_, removed, covariance.coordinates(theta_, last_points(target->points(), added))));
  out->factor_ = leaving == 0 ? factor_ : without_rows(factor_, removed);
  if (added > 0) {
    Eigen::MatrixXd cross;
    Eigen::MatrixXd own;
    target->last_rows(theta_, *out->coordinates_, added, cross, own);
    own.diagonal().array() += ridge_;
    std::optional<GrownFactor> grown = out->factor_.grow(cross, own);
    if (!grown.has_value()) return std::make_shared<const Conditioned>(target, theta_);
    out->factor_ = std::move(*grown);
  }
  if (out->factor_.added() > most_added) out->factor_ = GrownFactor(out->factor_.lower(), out->factor_.inverse());
  out->set_residuals();
  return out;
}

void Conditioned::set_residuals() {
  const Eigen::VectorXd& y = target_->data().y;
  const bool free_mean = !std::isfinite(target_->mean_variance());
  Eigen::MatrixXd solved(y.size(), free_mean ? 2 : 1);  // C⁻¹ [y 1]
  solved.col(0) = y;
  solved.rightCols(solved.cols() - 1).setOnes();
  solved = factor_.half_solve_transposed(factor_.half_solve(std::move(solved)));
  mean_ = free_mean ? solved.col(0).sum() / solved.col(1).sum() : 0.0;
  alpha_ = solved.col(0);
  if (free_mean) alpha_ -= mean_ * solved.col(1);
}

Conditioned::Expected Conditioned::expected(const NewReadings& added, const std::vector<Place>& places) const {
  const Covariance& covariance = target_->covariance();
  const NoiseVariances noise = target_->noise(theta_);
  const TrainingData& data = target_->data();
  const Points points = covariance.points(added.means.X);
  const Eigen::VectorXd root = target_->noise_shape(theta_, points).cwiseSqrt();
  const Eigen::VectorXd data_root = target_->noise_shape(theta_, target_->points()).cwiseSqrt();
  Eigen::MatrixXd cross = covariance.cross(theta_, *coordinates_, points).value;
  Covariance::Workspace work;
  Expected out;
  covariance.evaluate_lower(theta_, points, work, out.covariance);
  cross.array() += constant();
  out.covariance.array() += constant();
  const auto same_run = [&](std::size_t i, std::size_t j) {
    return added.means.run[i] == added.means.run[j] || (places[i].run >= 0 && places[i].run == places[j].run);
  };
  for (std::size_t j = 0; j < places.size(); ++j) {
    const auto at = static_cast<Eigen::Index>(j);
    if (places[j].run >= 0) {
      for (const Eigen::Index row : data.runs[static_cast<std::size_t>(places[j].run)]) {
        cross(row, at) += noise.between * data_root(row) * root(at);
      }
    }
    if (places[j].row >= 0) cross(places[j].row, at) += noise.point * root(at) * root(at);
    for (std::size_t i = j; i < places.size(); ++i) {
      const auto other = static_cast<Eigen::Index>(i);
      if (same_run(i, j)) out.covariance(other, at) += noise.between * root(other) * root(at);
    }
    out.covariance(at, at) += root(at) * root(at) * (noise.point + noise.within / added.means.weight(at));
  }
  out.mean = (cross.transpose() * alpha_).array() + mean_;
  cross = factor_.half_solve(std::move(cross));
  out.covariance -= product(cross, Transpose::yes, cross, Transpose::no);
  return out;
}

}  // namespace luban::surrogate::detail
