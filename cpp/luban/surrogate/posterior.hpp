#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <Eigen/Core>

#include <luban/core/random.hpp>
#include <luban/surrogate/export.hpp>

namespace luban::surrogate {

/// Which spread is asked for. Each includes the one before it.
enum class VarianceOf {
  latent,    ///< of the expected response itself
  run_mean,  ///< of the mean of one new run: + between runs
  reading,   ///< of one new reading: + within a run
};

/// What a surrogate believes about q points and m responses: the only thing that passes from model to decision.
/// Responses are independent given the model; points are jointly distributed. All values in the responses' units.
class LUBAN_SURROGATE_EXPORT Posterior {
 public:
  virtual ~Posterior();
  [[nodiscard]] virtual Eigen::Index q() const noexcept = 0;
  [[nodiscard]] virtual Eigen::Index m() const noexcept = 0;
  [[nodiscard]] virtual Eigen::MatrixXd mean() const = 0;  ///< (q, m)
  /// (q, m) @throws LifecycleError when `reading` is wanted of a posterior asked for without it.
  [[nodiscard]] virtual Eigen::MatrixXd variance(VarianceOf of) const = 0;
  /// (q, q) joint covariance of one response. The q points count as q different runs, so `run_mean` and `reading` add
  /// to the diagonal only. @throws LifecycleError when the posterior was asked for without `joint`.
  [[nodiscard]] virtual Eigen::MatrixXd covariance(Eigen::Index response, VarianceOf of) const = 0;
  /// (q, d) derivatives of mean and latent variance by the coded inputs; columns of categorical variables are 0.
  /// @throws LifecycleError when asked for without `gradients`.
  [[nodiscard]] virtual Eigen::MatrixXd mean_gradient(Eigen::Index response) const = 0;
  [[nodiscard]] virtual Eigen::MatrixXd variance_gradient(Eigen::Index response) const = 0;
  /// (q, d) derivatives of what `run_mean` adds to the latent variance; empty where that is the same everywhere, the
  /// ordinary case. @throws as the others.
  [[nodiscard]] virtual Eigen::MatrixXd between_gradient(Eigen::Index response) const;
  /// (q, d) derivatives of the variance of a run's mean.
  [[nodiscard]] Eigen::MatrixXd run_variance_gradient(Eigen::Index response) const;
  /// (q, d): row i = Σ_jk weights_jk ∂Σ_jk/∂x_i, Σ the latent joint covariance of one response and x_i the coded inputs
  /// of point i: reverse mode, so that no (q, q, d) derivative is made. @param weights (q, q) symmetric.
  /// @throws LifecycleError when asked for without `joint` and `gradients`.
  [[nodiscard]] virtual Eigen::MatrixXd covariance_gradient(Eigen::Index response,
                                                            const Eigen::MatrixXd& weights) const = 0;
  /// (q, m) quantile of the predictive distribution, probability in (0, 1).
  [[nodiscard]] virtual Eigen::MatrixXd quantile(double probability, VarianceOf of) const = 0;
  /// (q, m) log predictive density at Y (q, m); NaN in Y gives NaN.
  [[nodiscard]] virtual Eigen::MatrixXd log_density(const Eigen::MatrixXd& Y, VarianceOf of) const = 0;
  /// s joint samples, each (q, m).
  [[nodiscard]] virtual std::vector<Eigen::MatrixXd> sample(Eigen::Index s, core::RandomKey key,
                                                            VarianceOf of) const = 0;
};

/// What a posterior must be able to answer; less is cheaper.
struct PosteriorRequest {
  bool gradients = false;
  bool joint = false;   ///< covariance and samples
  bool reading = true;  ///< variance of a reading; of an average over levels it costs as much as all levels
};

/// From symmetric weights (q, q) to their sum of covariance derivatives (q, d), as Posterior::covariance_gradient.
using CovarianceGradient = std::function<Eigen::MatrixXd(const Eigen::MatrixXd& weights)>;

/// Gaussian posterior from moments: the ordinary case.
class LUBAN_SURROGATE_EXPORT GaussianPosterior final : public Posterior {
 public:
  /// One response's moments; `covariance` may be empty (0, 0) when only marginals are known, gradients likewise.
  struct Moments {
    Eigen::VectorXd mean;                         ///< (q)
    Eigen::VectorXd variance;                     ///< (q) latent
    Eigen::MatrixXd covariance;                   ///< (q, q) latent, or empty
    Eigen::VectorXd between_variance;             ///< (q) added for run_mean
    Eigen::VectorXd within_variance;              ///< (q) added for reading; empty when that was not asked for
    Eigen::MatrixXd mean_gradient;                ///< (q, d) or empty
    Eigen::MatrixXd variance_gradient;            ///< (q, d) or empty
    CovarianceGradient covariance_gradient = {};  ///< empty when not asked for; owns whatever it needs
    Eigen::MatrixXd between_gradient = {};        ///< (q, d), or empty where between_variance is the same everywhere
  };
  explicit GaussianPosterior(std::vector<Moments> responses);

  [[nodiscard]] Eigen::Index q() const noexcept override;
  [[nodiscard]] Eigen::Index m() const noexcept override;
  [[nodiscard]] Eigen::MatrixXd mean() const override;
  [[nodiscard]] Eigen::MatrixXd variance(VarianceOf of) const override;
  [[nodiscard]] Eigen::MatrixXd covariance(Eigen::Index response, VarianceOf of) const override;
  [[nodiscard]] Eigen::MatrixXd mean_gradient(Eigen::Index response) const override;
  [[nodiscard]] Eigen::MatrixXd variance_gradient(Eigen::Index response) const override;
  [[nodiscard]] Eigen::MatrixXd between_gradient(Eigen::Index response) const override;
  [[nodiscard]] Eigen::MatrixXd covariance_gradient(Eigen::Index response,
                                                    const Eigen::MatrixXd& weights) const override;
  [[nodiscard]] Eigen::MatrixXd quantile(double probability, VarianceOf of) const override;
  [[nodiscard]] Eigen::MatrixXd log_density(const Eigen::MatrixXd& Y, VarianceOf of) const override;
  [[nodiscard]] std::vector<Eigen::MatrixXd> sample(Eigen::Index s, core::RandomKey key, VarianceOf of) const override;

 private:
  std::vector<Moments> responses_;
};

/// One response of any posterior as moments, at the extent of the request that it was made for. Its covariance gradient
/// keeps `whole` alive. @throws LifecycleError where the posterior was asked for less.
[[nodiscard]] LUBAN_SURROGATE_EXPORT GaussianPosterior::Moments moments_of(
    const std::shared_ptr<const Posterior>& whole, Eigen::Index response, const PosteriorRequest& request);

}  // namespace luban::surrogate
