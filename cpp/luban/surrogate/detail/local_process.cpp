#include <luban/surrogate/detail/local_process.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include <luban/parallel/arena.hpp>
#include <luban/surrogate/detail/inputs.hpp>
#include <luban/surrogate/detail/levels.hpp>

namespace luban::surrogate::detail {

namespace {

using Index = Eigen::Index;
using Moments = GaussianPosterior::Moments;

Covariance::Coordinates rows_of(const Covariance::Coordinates& whole, const std::vector<Index>& rows) {
  Covariance::Coordinates out{static_cast<Index>(rows.size()), {}};
  for (const Eigen::MatrixXd& z : whole.of_factor) out.of_factor.emplace_back(z(rows, Eigen::all));
  return out;
}

// One row of moments after the other.
void put(const Moments& one, Index row, Index q, Moments& out) {
  const auto vector = [&](const Eigen::VectorXd& from, Eigen::VectorXd& to) {
    if (from.size() == 0) return;
    if (to.size() == 0) to.resize(q);
    to(row) = from(0);
  };
  const auto matrix = [&](const Eigen::MatrixXd& from, Eigen::MatrixXd& to) {
    if (from.size() == 0) return;
    if (to.size() == 0) to.resize(q, from.cols());
    to.row(row) = from.row(0);
  };
  vector(one.mean, out.mean);
  vector(one.variance, out.variance);
  vector(one.between_variance, out.between_variance);
  vector(one.within_variance, out.within_variance);
  matrix(one.mean_gradient, out.mean_gradient);
  matrix(one.variance_gradient, out.variance_gradient);
  matrix(one.between_gradient, out.between_gradient);
}

}  // namespace

LocalProcess::LocalProcess(ModelSpec model, std::shared_ptr<const LogPosterior> all, Eigen::VectorXd theta,
                           Eigen::Index neighbours)
    : model_(std::move(model)),
      all_(std::move(all)),
      theta_(std::move(theta)),
      neighbours_(std::min(neighbours, all_->data().u())),
      run_(static_cast<std::size_t>(all_->data().u())),
      coordinates_(all_->covariance().coordinates(theta_, all_->points())),
      prior_(all_->covariance().diagonal(theta_, all_->points())),
      shape_(all_->noise_shape(theta_, all_->points())) {
  for (std::size_t r = 0; r < all_->data().runs.size(); ++r) {
    for (const Index row : all_->data().runs[r]) run_[static_cast<std::size_t>(row)] = static_cast<Index>(r);
  }
}

std::vector<Eigen::Index> LocalProcess::nearest(const Eigen::MatrixXd& x) const {
  const Covariance& covariance = all_->covariance();
  const Covariance::Cross cross = covariance.cross(theta_, coordinates_, covariance.points(x));
  const Eigen::VectorXd apart = prior_ - 2.0 * cross.value.col(0);  // but for the point's own variance
  std::vector<Index> out(static_cast<std::size_t>(apart.size()));
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<Index>(i);
  const auto nearer = [&](Index a, Index b) { return apart(a) < apart(b) || (apart(a) == apart(b) && a < b); };
  if (neighbours_ < apart.size()) {
    std::nth_element(out.begin(), out.begin() + neighbours_, out.end(), nearer);
    out.resize(static_cast<std::size_t>(neighbours_));
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::shared_ptr<const Conditioned> LocalProcess::of_rows(const std::vector<Eigen::Index>& rows) const {
  const TrainingData& data = all_->data();
  TrainingData some;
  some.X = data.X(rows, Eigen::all);
  some.y = data.y(rows);
  some.weight = data.weight(rows);
  some.n = some.u();
  some.location = data.location;
  some.scale = data.scale;
  some.known_within = data.known_within;
  some.extra_noise = data.extra_noise;
  std::map<Index, std::vector<Index>> runs;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    runs[run_[static_cast<std::size_t>(rows[k])]].push_back(static_cast<Index>(k));
  }
  for (auto& [run, own] : runs) some.runs.push_back(std::move(own));
  return std::make_shared<const Conditioned>(
      std::make_shared<const LogPosterior>(model_, all_->shared_covariance(), std::move(some), all_->present()),
      theta_);
}

Moments LocalProcess::moments(const Eigen::MatrixXd& X, const PosteriorRequest& request) const {
  const auto q = static_cast<std::size_t>(X.rows());
  std::vector<std::vector<Index>> rows(q);
  std::vector<std::shared_ptr<const Conditioned>> local(q);
  std::vector<Moments> each(q);
  PosteriorRequest alone = request;
  alone.joint = false;
  parallel::for_each_index(
      q,
      [&](std::size_t i) {
        const Eigen::MatrixXd x = X.row(static_cast<Index>(i));
        rows[i] = nearest(x);
        local[i] = of_rows(rows[i]);
        each[i] = local[i]->moments(x, alone);
      },
      q < 2 ? 1 : parallel::concurrency());
  Moments out;
  for (std::size_t i = 0; i < q; ++i) put(each[i], static_cast<Index>(i), X.rows(), out);
  if (request.joint) add_joint(X, rows, local, request, out);
  return out;
}

Moments LocalProcess::averaged(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                               const PosteriorRequest& request) const {
  const Moments each = moments(X, {.gradients = request.gradients, .joint = true});
  const auto averaged_rows = [&](const Eigen::MatrixXd& rows, const Eigen::VectorXd& by) {
    return Eigen::MatrixXd(weighted_columns(rows.transpose(), by).transpose());
  };
  const Eigen::VectorXd ones = Eigen::VectorXd::Ones(weights.size());
  Moments out;
  out.mean = averaged_rows(each.mean, weights);
  out.covariance = weighted_both(each.covariance, weights);
  out.variance = out.covariance.diagonal();
  of_rows({0})->add_varying_noise(all_->covariance().points(X), weights, request, X.cols(), out);
  if (request.reading) {
    out.within_variance += level_spread(each.mean, each.variance, weights, out.mean, out.variance);
  } else {
    out.within_variance.resize(0);
  }
  if (request.gradients) {
    out.mean_gradient = averaged_rows(each.mean_gradient, weights);
    const Eigen::MatrixXd own = spread_both(Eigen::MatrixXd::Identity(out.mean.size(), out.mean.size()), weights);
    out.variance_gradient = averaged_rows(each.covariance_gradient(own), ones);
    out.covariance_gradient = [whole = each.covariance_gradient, weights](const Eigen::MatrixXd& w) -> Eigen::MatrixXd {
      const Eigen::MatrixXd by_levels = whole(spread_both(w, weights)).transpose();
      return weighted_columns(by_levels, Eigen::VectorXd::Ones(weights.size())).transpose();
    };
  }
  return out;
}

Moments LocalProcess::average(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                              const PosteriorRequest& request) const {
  if (request.joint) return averaged(X, weights, request);
  Moments out;
  const Index levels = weights.size();
  const Index q = X.rows() / levels;
  for (Index i = 0; i < q; ++i) put(averaged(X.middleRows(i * levels, levels), weights, request), i, q, out);
  return out;
}

void LocalProcess::add_noise_covariance(const std::vector<Eigen::Index>& rows, const std::vector<Eigen::Index>& columns,
                                        Eigen::MatrixXd& to) const {
  const NoiseVariances noise = all_->noise(theta_);
  for (std::size_t k = 0; k < columns.size(); ++k) {
    const Index column = columns[k];
    for (std::size_t j = 0; j < rows.size(); ++j) {
      const Index row = rows[j];
      if (run_[static_cast<std::size_t>(row)] != run_[static_cast<std::size_t>(column)]) continue;
      double& entry = to(static_cast<Index>(j), static_cast<Index>(k));
      entry += noise.between * std::sqrt(shape_(row) * shape_(column));
      if (row == column) entry += shape_(row) * (noise.point + noise.within / all_->data().weight(row));
    }
  }
}

// An answer is aᵢᵀ y, aᵢ = C(Nᵢ, Nᵢ)⁻¹ k(Nᵢ, xᵢ) over the neighbours Nᵢ. Under the whole prior the errors of two
// answers have the covariance k(xᵢ, xⱼ) − aᵢᵀ k(Nᵢ, xⱼ) − aⱼᵀ k(Nⱼ, xᵢ) + aᵢᵀ C(Nᵢ, Nⱼ) aⱼ; for i = j that is the
// variance of one.
void LocalProcess::add_joint(const Eigen::MatrixXd& X, const std::vector<std::vector<Index>>& rows,
                             const std::vector<std::shared_ptr<const Conditioned>>& local,
                             const PosteriorRequest& request, Moments& out) const {
  struct Kept {
    std::shared_ptr<const LogPosterior> all;
    Eigen::VectorXd theta;
    std::vector<std::vector<Index>> place;  // of each answer's neighbours among all that any answer has
    std::vector<std::shared_ptr<const Conditioned>> local;
    Covariance::Coordinates coordinates;  // of these, u
    Covariance::Cross cross;              // (u, q)
    Eigen::MatrixXd answers;              // (u, q): the aᵢ
    Eigen::MatrixXd spread;               // (u, q): C aᵢ
  };
  auto kept = std::make_shared<Kept>();
  const Covariance& covariance = all_->covariance();
  const Index q = X.rows();
  std::vector<Index> any;
  for (const std::vector<Index>& own : rows) any.insert(any.end(), own.begin(), own.end());
  std::sort(any.begin(), any.end());
  any.erase(std::unique(any.begin(), any.end()), any.end());
  kept->all = all_;
  kept->theta = theta_;
  kept->local = local;
  kept->coordinates = rows_of(coordinates_, any);
  kept->cross = covariance.cross(theta_, kept->coordinates, covariance.points(X));
  const double constant = std::isfinite(all_->mean_variance()) ? all_->mean_variance() : 0.0;
  kept->cross.value.array() += constant;
  kept->answers = Eigen::MatrixXd::Zero(std::ssize(any), q);
  kept->spread.resize(std::ssize(any), q);
  for (Index i = 0; i < q; ++i) {
    const auto at = static_cast<std::size_t>(i);
    std::vector<Index> place;
    for (const Index row : rows[at]) place.push_back(std::lower_bound(any.begin(), any.end(), row) - any.begin());
    const Eigen::VectorXd own = local[at]->solve(kept->cross.value(place, i));
    kept->answers(place, i) = own;
    const Points points = covariance.points(all_->data().X(rows[at], Eigen::all));
    Eigen::MatrixXd among = covariance.cross(theta_, kept->coordinates, points).value.array() + constant;
    add_noise_covariance(any, rows[at], among);
    kept->spread.col(i) = among * own;
    kept->place.push_back(std::move(place));
  }
  const Points& points = kept->cross.points;
  const Covariance::Coordinates own = covariance.coordinates(theta_, points);
  const double unit = all_->data().scale * all_->data().scale;
  const Eigen::MatrixXd crossed = kept->answers.transpose() * kept->cross.value;
  out.covariance = covariance.cross(theta_, own, points).value.array() + constant;
  out.covariance += kept->answers.transpose() * kept->spread - crossed - crossed.transpose();
  out.covariance = Eigen::MatrixXd(0.5 * unit * (out.covariance + out.covariance.transpose()));
  out.covariance.diagonal() = out.variance;
  if (!request.gradients) return;
  kept->cross.data = &kept->coordinates;
  out.covariance_gradient = [kept, unit](const Eigen::MatrixXd& w) -> Eigen::MatrixXd {
    const Covariance& prior = kept->all->covariance();
    const Points& asked = kept->cross.points;
    Eigen::MatrixXd pairs = w;
    pairs.diagonal().setZero();
    const Covariance::Coordinates seen = prior.coordinates(kept->theta, asked);
    const Covariance::Cross among = prior.cross(kept->theta, seen, asked);
    Eigen::MatrixXd by_inputs = 2.0 * prior.input_gradients(kept->theta, among, {&pairs})[0];
    by_inputs += w.diagonal().asDiagonal() * prior.diagonal_gradient(kept->theta, asked);
    // What acts through k(·, xᵢ): that of the points themselves, and that of their answers.
    Eigen::MatrixXd through = -2.0 * kept->answers * w;
    const Eigen::MatrixXd by_answers = 2.0 * (kept->spread - kept->cross.value) * w;
    for (Index i = 0; i < w.rows(); ++i) {
      const std::vector<Index>& place = kept->place[static_cast<std::size_t>(i)];
      const Eigen::VectorXd solved = kept->local[static_cast<std::size_t>(i)]->solve(by_answers(place, i));
      for (std::size_t k = 0; k < place.size(); ++k) through(place[k], i) += solved(static_cast<Index>(k));
    }
    return unit * (by_inputs + prior.input_gradients(kept->theta, kept->cross, {&through})[0]);
  };
}

}  // namespace luban::surrogate::detail
