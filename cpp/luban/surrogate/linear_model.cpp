#include <luban/surrogate/linear_model.hpp>

#include <cmath>
#include <limits>
#include <utility>

#include <Eigen/Cholesky>
#include <Eigen/LU>

#include <luban/surrogate/detail/baseline_data.hpp>
#include <luban/surrogate/detail/inputs.hpp>

namespace luban::surrogate {

namespace {

/// Maps coded inputs to regression columns: the one-hot encoding, and with `quadratic` squares and products of the
/// numeric inputs.
class Columns {
 public:
  Columns(const features::Encoder& encoder, bool quadratic) : encoder_(encoder), quadratic_(quadratic) {
    const std::vector<Eigen::Index> places = encoder.one_hot_places();
    for (std::size_t k = 0; k < places.size(); ++k) {
      if (!encoder.variables()[k].is_numeric()) continue;
      numeric_.push_back(static_cast<Eigen::Index>(k));
      place_.push_back(places[k]);
    }
  }

  [[nodiscard]] Eigen::MatrixXd of(const Eigen::MatrixXd& X) const {
    const Eigen::MatrixXd linear = encoder_.one_hot(X);
    const auto d = static_cast<Eigen::Index>(numeric_.size());
    Eigen::MatrixXd out(X.rows(), linear.cols() + (quadratic_ ? d * (d + 1) / 2 : 0));
    out.leftCols(linear.cols()) = linear;
    if (!quadratic_) return out;
    Eigen::Index column = linear.cols();
    for (std::size_t a = 0; a < numeric_.size(); ++a) {
      for (std::size_t b = a; b < numeric_.size(); ++b) {
        out.col(column++) = X.col(numeric_[a]).cwiseProduct(X.col(numeric_[b]));
      }
    }
    return out;
  }

  /// (columns, p): derivative of one row's columns by its coded inputs.
  [[nodiscard]] Eigen::MatrixXd derivative(const Eigen::RowVectorXd& x) const {
    const auto d = static_cast<Eigen::Index>(numeric_.size());
    const Eigen::Index linear = encoder_.one_hot_width();
    Eigen::MatrixXd out = Eigen::MatrixXd::Zero(linear + (quadratic_ ? d * (d + 1) / 2 : 0), encoder_.p());
    for (std::size_t a = 0; a < numeric_.size(); ++a) out(place_[a], numeric_[a]) = 1.0;
    if (!quadratic_) return out;
    Eigen::Index row = linear;
    for (std::size_t a = 0; a < numeric_.size(); ++a) {
      for (std::size_t b = a; b < numeric_.size(); ++b, ++row) {
        out(row, numeric_[a]) += x(numeric_[b]);
        out(row, numeric_[b]) += x(numeric_[a]);
      }
    }
    return out;
  }

 private:
  features::Encoder encoder_;
  bool quadratic_;
  std::vector<Eigen::Index> numeric_;  ///< columns of X
  std::vector<Eigen::Index> place_;    ///< of each numeric input in the one-hot encoding
};

/// One response: y = intercept + (columns − centre) · slope, with the covariance of slope and intercept.
struct Regression {
  Eigen::RowVectorXd centre;
  Eigen::VectorXd slope;
  Eigen::MatrixXd slope_covariance;
  double intercept = 0.0;
  double intercept_variance = 0.0;
  double between = 0.0;
  double within = 0.0;
  double penalty = 0.0;
};

// Mean squared error when each run is left out, in closed form: a block of rows g misses its prediction by
// (I − H_gg)⁻¹ e_g, H the hat matrix with its share of the mean.
double left_out_error(const Eigen::MatrixXd& z, const Eigen::VectorXd& residual, const Eigen::MatrixXd& inverse,
                      const std::vector<std::vector<Eigen::Index>>& runs) {
  double sum = 0.0;
  for (const std::vector<Eigen::Index>& rows : runs) {
    const Eigen::MatrixXd own = z(rows, Eigen::all);
    const auto size = static_cast<Eigen::Index>(rows.size());
    Eigen::MatrixXd gap = Eigen::MatrixXd::Identity(size, size) - own * inverse * own.transpose();
    gap.array() -= 1.0 / static_cast<double>(z.rows());
    sum += gap.fullPivLu().solve(residual(rows)).squaredNorm();
  }
  return sum / static_cast<double>(z.rows());
}

Regression regress(const Columns& columns, const detail::BaselineData& data) {
  const auto n = static_cast<double>(data.y.size());
  Regression out;
  const Eigen::MatrixXd phi = columns.of(data.X);
  out.centre = phi.colwise().mean();
  out.intercept = data.y.mean();
  const Eigen::MatrixXd z = phi.rowwise() - out.centre;
  const Eigen::VectorXd y = data.y.array() - out.intercept;
  const Eigen::MatrixXd gram = z.transpose() * z;
  double least = std::numeric_limits<double>::infinity();
  // Half decades from all but none to all but everything, relative to the rows.
  for (double exponent = -6.0; exponent <= 4.01; exponent += 0.5) {
    const double penalty = n * std::pow(10.0, exponent);
    const Eigen::MatrixXd system = gram + penalty * Eigen::MatrixXd::Identity(gram.rows(), gram.cols());
    const Eigen::MatrixXd inverse = system.llt().solve(Eigen::MatrixXd::Identity(gram.rows(), gram.cols()));
    const Eigen::VectorXd slope = inverse * (z.transpose() * y);
    const double error = left_out_error(z, y - z * slope, inverse, data.runs);
    if (!(error < least)) continue;
    least = error;
    out.slope = slope;
    out.slope_covariance = inverse;
    out.penalty = penalty;
  }
  // The left-out error is the spread of a new (run, point) mean; its readings' share is known from repeats.
  out.within = data.spare > 0.0 ? data.within_ss / data.spare : 0.0;
  out.between = std::max(least - out.within * data.weight.cwiseInverse().mean(), 0.0);
  out.slope_covariance *= least;
  out.intercept_variance = least / n;
  return out;
}

class RidgeModel final : public Surrogate {
 public:
  RidgeModel(const features::Dataset& data, const RidgeOptions& options)
      : encoder_(data.encoder),
        responses_(data.responses),
        columns_(data.encoder, options.quadratic),
        kind_(options.quadratic ? "quadratic_ridge" : "ridge") {
    for (Eigen::Index r = 0; r < data.m(); ++r) {
      regressions_.push_back(regress(columns_, detail::baseline_data(data, r, "surrogate.fit_ridge")));
    }
  }

  std::string kind() const override { return kind_; }
  const features::Encoder& encoder() const noexcept override { return encoder_; }
  const std::vector<features::ResponseColumn>& responses() const noexcept override { return responses_; }

  std::unique_ptr<Posterior> posterior(const Eigen::MatrixXd& X, const PosteriorRequest& request) const override {
    return average(X, Eigen::VectorXd::Ones(1), request);
  }

  std::unique_ptr<Posterior> average(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                     const PosteriorRequest& request) const override {
    detail::require_coded(X, encoder_, "surrogate.posterior");
    detail::require_levels(X, weights, "surrogate.average");
    const Eigen::Index levels = weights.size();
    const Eigen::Index q = X.rows() / levels;
    const Eigen::MatrixXd each = columns_.of(X);
    Eigen::MatrixXd phi = Eigen::MatrixXd::Zero(q, each.cols());
    for (Eigen::Index l = 0; l < levels; ++l) phi += weights(l) * each(Eigen::seqN(l, q, levels), Eigen::all);
    std::vector<GaussianPosterior::Moments> out;
    for (const Regression& regression : regressions_) {
      out.push_back(moments(regression, phi, request));
      if (levels > 1 && request.reading) {
        const GaussianPosterior::Moments own = moments(regression, each, {});
        out.back().within_variance +=
            detail::level_spread(own.mean, own.variance, weights, out.back().mean, out.back().variance);
      }
      if (request.gradients) add_gradients(regression, X, weights, phi, request.joint, out.back());
    }
    return std::make_unique<GaussianPosterior>(std::move(out));
  }

 private:
  static GaussianPosterior::Moments moments(const Regression& regression, const Eigen::MatrixXd& phi,
                                            const PosteriorRequest& request) {
    const Eigen::MatrixXd z = phi.rowwise() - regression.centre;
    const Eigen::MatrixXd spread = z * regression.slope_covariance;
    const double constant = regression.intercept_variance;
    GaussianPosterior::Moments out;
    out.mean = (z * regression.slope).array() + regression.intercept;
    out.variance = spread.cwiseProduct(z).rowwise().sum().array() + constant;
    if (request.joint) out.covariance = (spread * z.transpose()).array() + constant;
    out.between_variance = Eigen::VectorXd::Constant(phi.rows(), regression.between);
    out.within_variance = Eigen::VectorXd::Constant(phi.rows(), regression.within);
    return out;
  }

  void add_gradients(const Regression& regression, const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                     const Eigen::MatrixXd& phi, bool joint, GaussianPosterior::Moments& out) const {
    const Eigen::MatrixXd z = phi.rowwise() - regression.centre;
    out.mean_gradient.resize(phi.rows(), X.cols());
    out.variance_gradient.resize(phi.rows(), X.cols());
    std::vector<Eigen::MatrixXd> derivatives;
    for (Eigen::Index i = 0; i < phi.rows(); ++i) {
      Eigen::MatrixXd derivative = Eigen::MatrixXd::Zero(phi.cols(), X.cols());
      for (Eigen::Index l = 0; l < weights.size(); ++l) {
        derivative += weights(l) * columns_.derivative(X.row(i * weights.size() + l));
      }
      out.mean_gradient.row(i) = regression.slope.transpose() * derivative;
      out.variance_gradient.row(i) = 2.0 * z.row(i) * regression.slope_covariance * derivative;
      if (joint) derivatives.push_back(std::move(derivative));
    }
    if (!joint) return;
    const Eigen::MatrixXd spread = z * regression.slope_covariance;
    out.covariance_gradient = [spread, derivatives = std::move(derivatives)](const Eigen::MatrixXd& w) {
      const Eigen::MatrixXd pulled = 2.0 * w * spread;
      Eigen::MatrixXd gradient(w.rows(), derivatives.empty() ? 0 : derivatives.front().cols());
      for (Eigen::Index i = 0; i < w.rows(); ++i) {
        gradient.row(i) = pulled.row(i) * derivatives[static_cast<std::size_t>(i)];
      }
      return gradient;
    };
  }

  features::Encoder encoder_;
  std::vector<features::ResponseColumn> responses_;
  Columns columns_;
  std::string kind_;
  std::vector<Regression> regressions_;
};

}  // namespace

std::shared_ptr<const Surrogate> fit_ridge(const features::Dataset& data, const RidgeOptions& options) {
  return std::make_shared<const RidgeModel>(data, options);
}

}  // namespace luban::surrogate
