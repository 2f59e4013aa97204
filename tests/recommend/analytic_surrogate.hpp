#pragma once

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Cholesky>

#include <luban/surrogate/surrogate.hpp>

namespace luban::recommend::test {

using Function = std::function<double(const Eigen::VectorXd&)>;

inline features::EncodedVariable numeric(const std::string& name, double low = 0.0, double high = 1.0,
                                         features::Role role = features::Role::parameter) {
  features::EncodedVariable variable;
  variable.name = name;
  variable.role = role;
  variable.low = low;
  variable.high = high;
  return variable;
}

inline features::EncodedVariable named(const std::string& name, std::vector<std::string> categories,
                                       features::Role role = features::Role::parameter) {
  features::EncodedVariable variable;
  variable.name = name;
  variable.role = role;
  variable.kind = process::VariableKind::categorical;
  variable.high = static_cast<double>(categories.size()) - 1.0;
  variable.categories = std::move(categories);
  return variable;
}

/// A Gaussian process written out in a few lines, hyperparameters given: squared-exponential kernel over the coded
/// columns (categorical columns match or not), conditioned on a function's values at X. Everything exact, so that what
/// recommends can be tested without what is fitted.
class AnalyticSurrogate final : public surrogate::Surrogate {
 public:
  struct Options {
    double lengthscale = 0.3;
    double signal_sd = 1.0;
    double noise_sd = 1e-3;  ///< of one observation, taken as between-run noise
    double within_sd = 0.0;
    double mean = 0.0;
    std::string unit = "um";
  };
  AnalyticSurrogate(features::Encoder encoder, std::vector<std::string> responses,
                    const std::vector<Function>& functions, Eigen::MatrixXd X, Options options)
      : encoder_(std::move(encoder)), X_(std::move(X)), options_(options) {
    for (const std::string& name : responses) responses_.push_back({name, options_.unit});
    Eigen::MatrixXd K = kernel(X_, X_);
    K.diagonal().array() += options_.noise_sd * options_.noise_sd + 1e-10;
    factor_.compute(K);
    for (const Function& function : functions) {
      Eigen::VectorXd y(X_.rows());
      for (Eigen::Index i = 0; i < X_.rows(); ++i) y(i) = function(X_.row(i).transpose()) - options_.mean;
      weights_.push_back(factor_.solve(y));
    }
  }
  [[nodiscard]] std::string kind() const override { return "analytic"; }
  [[nodiscard]] const features::Encoder& encoder() const noexcept override { return encoder_; }
  [[nodiscard]] const std::vector<features::ResponseColumn>& responses() const noexcept override { return responses_; }

  [[nodiscard]] std::unique_ptr<surrogate::Posterior> posterior(
      const Eigen::MatrixXd& X, const surrogate::PosteriorRequest& request = {}) const override {
    const Eigen::MatrixXd cross = kernel(X, X_);
    const Eigen::MatrixXd solved = factor_.solve(cross.transpose());
    const Eigen::VectorXd explained = cross.transpose().cwiseProduct(solved).colwise().sum().transpose();
    std::vector<surrogate::GaussianPosterior::Moments> all;
    for (const Eigen::VectorXd& weights : weights_) {
      surrogate::GaussianPosterior::Moments moments;
      moments.mean = (cross * weights).array() + options_.mean;
      moments.variance = (options_.signal_sd * options_.signal_sd - explained.array()).max(1e-14);
      moments.between_variance = Eigen::VectorXd::Constant(X.rows(), options_.noise_sd * options_.noise_sd);
      moments.within_variance = Eigen::VectorXd::Constant(X.rows(), options_.within_sd * options_.within_sd);
      if (request.joint) {
        moments.covariance = kernel(X, X) - cross * solved;
        moments.covariance.diagonal() = moments.variance;
      }
      if (request.gradients) add_gradients(X, cross, solved, weights, moments);
      if (request.joint && request.gradients) add_covariance_gradient(X, cross, solved, moments);
      all.push_back(std::move(moments));
    }
    return std::make_unique<surrogate::GaussianPosterior>(std::move(all));
  }

  /// The ordinary average, with the gradients that follow from those at the levels.
  [[nodiscard]] std::unique_ptr<surrogate::Posterior> average(
      const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
      const surrogate::PosteriorRequest& request = {}) const override {
    surrogate::PosteriorRequest plain = request;
    plain.gradients = false;
    std::unique_ptr<surrogate::Posterior> ordinary = Surrogate::average(X, weights, plain);
    if (!request.gradients) return ordinary;
    const std::shared_ptr<const surrogate::Posterior> whole = std::move(ordinary);
    const std::shared_ptr<const surrogate::Posterior> levels = posterior(X, {.gradients = true, .joint = true});
    std::vector<surrogate::GaussianPosterior::Moments> all;
    for (Eigen::Index r = 0; r < whole->m(); ++r) {
      all.push_back(surrogate::moments_of(whole, r, plain));
      surrogate::GaussianPosterior::Moments& moments = all.back();
      const auto by_covariance = [levels, weights, r](const Eigen::MatrixXd& w) {
        const Eigen::Index L = weights.size();
        Eigen::MatrixXd each(w.rows() * L, w.cols() * L);
        for (Eigen::Index i = 0; i < w.rows(); ++i) {
          for (Eigen::Index j = 0; j < w.cols(); ++j) {
            each.block(i * L, j * L, L, L) = w(i, j) * weights * weights.transpose();
          }
        }
        return summed(levels->covariance_gradient(r, each), Eigen::VectorXd::Ones(L));
      };
      moments.mean_gradient = summed(levels->mean_gradient(r), weights);
      moments.variance_gradient = by_covariance(Eigen::MatrixXd::Identity(whole->q(), whole->q()));
      if (request.joint) moments.covariance_gradient = by_covariance;
    }
    return std::make_unique<surrogate::GaussianPosterior>(std::move(all));
  }

 private:
  /// (q, p) weighted sums over the levels of each point.
  static Eigen::MatrixXd summed(const Eigen::MatrixXd& each, const Eigen::VectorXd& weights) {
    const Eigen::Index L = weights.size();
    Eigen::MatrixXd out(each.rows() / L, each.cols());
    for (Eigen::Index i = 0; i < out.rows(); ++i) out.row(i) = weights.transpose() * each.middleRows(i * L, L);
    return out;
  }

  [[nodiscard]] Eigen::MatrixXd kernel(const Eigen::MatrixXd& A, const Eigen::MatrixXd& B) const {
    Eigen::MatrixXd K(A.rows(), B.rows());
    for (Eigen::Index i = 0; i < A.rows(); ++i) {
      for (Eigen::Index j = 0; j < B.rows(); ++j) {
        double square = 0.0;
        for (Eigen::Index c = 0; c < A.cols(); ++c) {
          const double difference = A(i, c) - B(j, c);
          square += encoder_.variables()[c].is_numeric() ? std::pow(difference / options_.lengthscale, 2)
                                                         : (difference != 0.0 ? 1.0 : 0.0);
        }
        K(i, j) = options_.signal_sd * options_.signal_sd * std::exp(-0.5 * square);
      }
    }
    return K;
  }

  void add_gradients(const Eigen::MatrixXd& X, const Eigen::MatrixXd& cross, const Eigen::MatrixXd& solved,
                     const Eigen::VectorXd& weights, surrogate::GaussianPosterior::Moments& moments) const {
    moments.mean_gradient = Eigen::MatrixXd::Zero(X.rows(), X.cols());
    moments.variance_gradient = Eigen::MatrixXd::Zero(X.rows(), X.cols());
    const double inverse_square = 1.0 / (options_.lengthscale * options_.lengthscale);
    for (Eigen::Index i = 0; i < X.rows(); ++i) {
      for (Eigen::Index c = 0; c < X.cols(); ++c) {
        if (!encoder_.variables()[c].is_numeric()) continue;
        const Eigen::VectorXd slope =
            (-inverse_square * (X(i, c) - X_.col(c).array())).matrix().cwiseProduct(cross.row(i).transpose());
        moments.mean_gradient(i, c) = slope.dot(weights);
        moments.variance_gradient(i, c) = -2.0 * slope.dot(solved.col(i));
      }
    }
  }

  void add_covariance_gradient(const Eigen::MatrixXd& X, const Eigen::MatrixXd& cross, const Eigen::MatrixXd& solved,
                               surrogate::GaussianPosterior::Moments& moments) const {
    const Eigen::MatrixXd among = kernel(X, X);
    moments.covariance_gradient = [variables = encoder_.variables(), length = options_.lengthscale, known = X_, X,
                                   cross, solved, among](const Eigen::MatrixXd& w) {
      const Eigen::MatrixXd pulled = w * solved.transpose();
      Eigen::MatrixXd out = Eigen::MatrixXd::Zero(X.rows(), X.cols());
      for (Eigen::Index i = 0; i < X.rows(); ++i) {
        for (Eigen::Index c = 0; c < X.cols(); ++c) {
          if (!variables[static_cast<std::size_t>(c)].is_numeric()) continue;
          const double scale = -2.0 / (length * length);
          for (Eigen::Index k = 0; k < X.rows(); ++k) out(i, c) += scale * w(i, k) * (X(i, c) - X(k, c)) * among(i, k);
          for (Eigen::Index n = 0; n < known.rows(); ++n) {
            out(i, c) -= scale * pulled(i, n) * (X(i, c) - known(n, c)) * cross(i, n);
          }
        }
      }
      return out;
    };
  }

  features::Encoder encoder_;
  std::vector<features::ResponseColumn> responses_;
  Eigen::MatrixXd X_;
  Options options_;
  Eigen::LLT<Eigen::MatrixXd> factor_;
  std::vector<Eigen::VectorXd> weights_;
};

}  // namespace luban::recommend::test
