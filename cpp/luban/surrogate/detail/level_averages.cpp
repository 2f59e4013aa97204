#include <luban/surrogate/detail/level_averages.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include <luban/surrogate/detail/transformed_posterior.hpp>

namespace luban::surrogate::detail {

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::RowVectorXd;
using Eigen::VectorXd;

constexpr Index rows_at_once = 48;  // more make joint covariances of which most is not needed

/// Share of the noise of a run that its levels have in common, such that their average has the noise `averaged`.
double common_share(const VectorXd& noise, const VectorXd& weights, double averaged) {
  const double apart = weights.cwiseAbs2().dot(noise);
  const double together = std::pow(weights.dot(noise.cwiseSqrt()), 2);
  return together > apart ? std::clamp((averaged - apart) / (together - apart), 0.0, 1.0) : 1.0;
}

class LevelAverages {
 public:
  LevelAverages(const Surrogate& inner, const std::vector<NormalMoments>& moments, const MatrixXd& X,
                const VectorXd& weights, const PosteriorRequest& request)
      : inner_(inner),
        moments_(moments),
        X_(X),
        weights_(weights),
        request_(request),
        levels_(weights.size()),
        q_(X.rows() / weights.size()),
        points_(std::max<Index>(1, rows_at_once / weights.size())),
        each_of_level_(std::make_shared<const TransformedPosterior>(
            inner.posterior(X, {.gradients = request.gradients, .joint = request.joint, .reading = true}), moments)),
        each_(*each_of_level_),
        averaged_(inner.average(X, weights, {.reading = false})) {
    if (!request.joint) {
      for (Index i = 0; i < q_; i += points_) {
        const Index count = std::min(points_, q_ - i) * levels_;
        blocks_.push_back(inner.posterior(X.middleRows(i * levels_, count), {.joint = true, .reading = false}));
      }
    }
    if (request.gradients) ask_pairs();
  }

  std::unique_ptr<Posterior> posterior() const {
    std::vector<GaussianPosterior::Moments> out(moments_.size());
    for (std::size_t r = 0; r < moments_.size(); ++r) fill(static_cast<Index>(r), out[r]);
    return std::make_unique<GaussianPosterior>(std::move(out));
  }

 private:
  [[nodiscard]] const NormalMoments::Expansion& at(Index point, Index level, Index response) const {
    return each_.expansion(point * levels_ + level, response);
  }

  void ask_pairs() {
    const Index pairs = levels_ * (levels_ - 1) / 2;
    MatrixXd both(q_ * pairs * 2, X_.cols());
    Index row = 0;
    for (Index i = 0; i < q_; ++i) {
      for (Index a = 0; a < levels_; ++a) {
        for (Index b = a + 1; b < levels_; ++b) {
          both.row(row++) = X_.row(i * levels_ + a);
          both.row(row++) = X_.row(i * levels_ + b);
        }
      }
    }
    const auto pair = inner_.average(both, VectorXd::Constant(2, 0.5), {.gradients = true, .reading = false});
    for (Index r = 0; r < pair->m(); ++r) {
      slopes_.push_back(
          {each_.inner().mean_gradient(r), each_.inner().variance_gradient(r), pair->variance_gradient(r)});
    }
  }

  /// Σ_l Σ_k w_l w_k Cov of the levels of points i and j, their latent values of covariance K (L, L).
  double between(Index i, Index j, Index response, const MatrixXd& K) const {
    const NormalMoments& moments = moments_[static_cast<std::size_t>(response)];
    double out = 0.0;
    for (Index a = 0; a < levels_; ++a) {
      for (Index b = 0; b < levels_; ++b) {
        out += weights_(a) * weights_(b) * moments.covariance(at(i, a, response), at(j, b, response), K(a, b));
      }
    }
    return out;
  }

  void fill(Index response, GaussianPosterior::Moments& out) const {
    const VectorXd latent = each_.inner().variance(VarianceOf::latent).col(response);
    const VectorXd noise = (each_.inner().variance(VarianceOf::run_mean).col(response) - latent).cwiseMax(0.0);
    const VectorXd averaged_noise =
        averaged_->variance(VarianceOf::run_mean).col(response) - averaged_->variance(VarianceOf::latent).col(response);
    const MatrixXd joint = request_.joint ? each_.inner().covariance(response, VarianceOf::latent) : MatrixXd();
    out.mean.resize(q_);
    out.variance.resize(q_);
    out.between_variance.resize(q_);
    if (request_.reading) out.within_variance.resize(q_);
    if (request_.gradients) {
      out.mean_gradient = MatrixXd::Zero(q_, X_.cols());
      out.variance_gradient = MatrixXd::Zero(q_, X_.cols());
      out.between_gradient = MatrixXd::Zero(q_, X_.cols());
    }
    MatrixXd block;
    for (Index i = 0; i < q_; ++i) {
      const Index first = i * levels_;
      if (!request_.joint && i % points_ == 0) {
        block = blocks_[static_cast<std::size_t>(i / points_)]->covariance(response, VarianceOf::latent);
      }
      const MatrixXd& whole = request_.joint ? joint : block;
      const Index place = request_.joint ? first : (i % points_) * levels_;
      MatrixXd K = whole.block(place, place, levels_, levels_);
      K.diagonal() = latent.segment(first, levels_);
      const MatrixXd of_run = with_noise(K, noise.segment(first, levels_), averaged_noise(i));
      fill_point(i, response, K, of_run, out);
      if (!request_.gradients) continue;
      for (Index a = 0; a < levels_; ++a) out.mean_gradient.row(i) += weights_(a) * mean_gradient(i, a, response);
      out.variance_gradient.row(i) = variance_gradient(i, response, K);
      out.between_gradient.row(i) = variance_gradient(i, response, of_run) - out.variance_gradient.row(i);
    }
    if (request_.joint) fill_joint(response, joint, out);
    if (request_.joint && request_.gradients) out.covariance_gradient = covariance_gradient(response);
  }

  /// Weights of averages spread over their levels; derivatives by what the levels share, summed.
  [[nodiscard]] std::function<MatrixXd(const MatrixXd&)> covariance_gradient(Index response) const {
    return [each = each_of_level_, response, w = weights_](const MatrixXd& weights) {
      const Index levels = w.size();
      const Index q = weights.rows();
      MatrixXd spread(q * levels, q * levels);
      for (Index i = 0; i < q; ++i) {
        for (Index j = 0; j < q; ++j)
          spread.block(i * levels, j * levels, levels, levels) = weights(i, j) * w * w.transpose();
      }
      const MatrixXd by_level = each->covariance_gradient(response, spread);
      MatrixXd out(q, by_level.cols());
      for (Index i = 0; i < q; ++i) out.row(i) = by_level.middleRows(i * levels, levels).colwise().sum();
      return out;
    };
  }

  /// Covariance of the levels within one run.
  MatrixXd with_noise(const MatrixXd& K, const VectorXd& noise, double averaged_noise) const {
    const VectorXd sd = noise.cwiseSqrt();
    MatrixXd out = K + common_share(noise, weights_, averaged_noise) * (sd * sd.transpose());
    out.diagonal() = K.diagonal() + noise;
    return out;
  }

  void fill_point(Index i, Index response, const MatrixXd& K, const MatrixXd& of_run,
                  GaussianPosterior::Moments& out) const {
    out.mean(i) = 0.0;
    for (Index a = 0; a < levels_; ++a) out.mean(i) += weights_(a) * at(i, a, response).mean;
    out.variance(i) = between(i, i, response, K);
    const double run = std::max(between(i, i, response, of_run), out.variance(i));
    out.between_variance(i) = run - out.variance(i);
    if (!request_.reading) return;
    double reading = 0.0;  // one reading is taken at one of the levels
    for (Index a = 0; a < levels_; ++a) {
      const NormalMoments::Expansion& here = at(i, a, response);
      reading += weights_(a) * (std::pow(here.mean - out.mean(i), 2) + here.variance);
    }
    out.within_variance(i) = std::max(reading - run, 0.0);
  }

  void fill_joint(Index response, const MatrixXd& joint, GaussianPosterior::Moments& out) const {
    out.covariance.resize(q_, q_);
    for (Index i = 0; i < q_; ++i) {
      out.covariance(i, i) = out.variance(i);
      for (Index j = 0; j < i; ++j) {
        const MatrixXd K = joint.block(i * levels_, j * levels_, levels_, levels_);
        out.covariance(i, j) = out.covariance(j, i) = between(i, j, response, K);
      }
    }
  }

  RowVectorXd mean_gradient(Index i, Index level, Index response) const {
    const Index row = i * levels_ + level;
    const auto part = moments_[static_cast<std::size_t>(response)].mean_partials(at(i, level, response));
    return part.by_mean * slopes_[static_cast<std::size_t>(response)].mean.row(row) +
           part.by_variance * slopes_[static_cast<std::size_t>(response)].variance.row(row);
  }

  /// Of the average's variance when its levels have covariance K, noise being the same at all inputs.
  RowVectorXd variance_gradient(Index i, Index response, const MatrixXd& K) const {
    const NormalMoments& moments = moments_[static_cast<std::size_t>(response)];
    const Slopes& slopes = slopes_[static_cast<std::size_t>(response)];
    const auto mean = slopes.mean.middleRows(i * levels_, levels_);
    const auto variance = slopes.variance.middleRows(i * levels_, levels_);
    Index pair = i * levels_ * (levels_ - 1) / 2;
    RowVectorXd out = RowVectorXd::Zero(X_.cols());
    for (Index a = 0; a < levels_; ++a) {
      const NormalMoments::Expansion& here = at(i, a, response);
      const NormalMoments::Partials own = moments.partials(here, here, K(a, a));
      out += weights_(a) * weights_(a) *
             ((own.by_covariance + own.by_variance_a + own.by_variance_b) * variance.row(a) +
              (own.by_mean_a + own.by_mean_b) * mean.row(a));
      for (Index b = a + 1; b < levels_; ++b, ++pair) {
        const NormalMoments::Partials part = moments.partials(here, at(i, b, response), K(a, b));
        const RowVectorXd of_covariance = 2.0 * slopes.pairs.row(pair) - 0.5 * (variance.row(a) + variance.row(b));
        out += 2.0 * weights_(a) * weights_(b) *
               (part.by_covariance * of_covariance + part.by_mean_a * mean.row(a) + part.by_mean_b * mean.row(b) +
                part.by_variance_a * variance.row(a) + part.by_variance_b * variance.row(b));
      }
    }
    return out;
  }

  struct Slopes {
    MatrixXd mean;      // (q·L, p)
    MatrixXd variance;  // (q·L, p)
    MatrixXd pairs;     // (q·pairs, p) of the variance of each pair's average
  };

  const Surrogate& inner_;
  const std::vector<NormalMoments>& moments_;
  const MatrixXd& X_;
  const VectorXd& weights_;
  PosteriorRequest request_;
  Index levels_;
  Index q_;
  Index points_;
  std::shared_ptr<const TransformedPosterior> each_of_level_;
  const TransformedPosterior& each_;
  std::unique_ptr<Posterior> averaged_;
  std::vector<std::unique_ptr<Posterior>> blocks_;  // joint over all levels of `points_` points
  std::vector<Slopes> slopes_;                      // (m)
};

}  // namespace

std::unique_ptr<Posterior> level_averages(const Surrogate& inner, const std::vector<NormalMoments>& moments,
                                          const MatrixXd& X, const VectorXd& weights, const PosteriorRequest& request) {
  return LevelAverages(inner, moments, X, weights, request).posterior();
}

}  // namespace luban::surrogate::detail
