#pragma once

#include <memory>
#include <vector>

#include <Eigen/Core>

#include <luban/surrogate/detail/covariance.hpp>
#include <luban/surrogate/detail/training_data.hpp>
#include <luban/surrogate/export.hpp>

namespace luban::surrogate::detail {

/// Which levels of noise the data can tell apart. Repeated readings show `within`; several points per run tell
/// `between` from what is read anew at each point, and with repeats `point` too. Where each run is one reading there is
/// one level: all of it counts as between runs, because then the next run's mean is the next reading (when the
/// readings have unequal weights it is estimated as `within`, which weights divide).
struct NoiseLevelsPresent {
  bool between = true;
  bool point = false;
  bool within = false;
};
[[nodiscard]] NoiseLevelsPresent noise_levels(const ModelSpec& model, const TrainingData& data);

/// Noise variances at a set of hyperparameters, in standardised units; 0 where a level is absent.
struct NoiseVariances {
  double between = 0.0;
  double point = 0.0;
  double within = 0.0;
};

/// Log posterior of the hyperparameters of one response: covariance on the reduced means
///   C = K + c₀ 1 1ᵀ + √(h_i h_j) σ_b² [same run] + diag(h_i (σ_p² + σ_w² / W_i)),
/// h being 1 unless noise changes with the inputs;
/// normal likelihood times the reduction's exact factor, so that it is the likelihood of all readings. theta: the
/// covariance's hyperparameters, then the noise levels present, then the ratios of the
/// noise profile, all logarithms. Const and thread-safe.
class LUBAN_SURROGATE_EXPORT LogPosterior {
 public:
  LogPosterior(const ModelSpec& model, std::shared_ptr<const Covariance> covariance, TrainingData data);
  /// With levels of noise that were told apart by other data than these.
  LogPosterior(const ModelSpec& model, std::shared_ptr<const Covariance> covariance, TrainingData data,
               NoiseLevelsPresent present);

  [[nodiscard]] const std::vector<Hyperparameter>& hyperparameters() const noexcept { return hyperparameters_; }
  [[nodiscard]] const TrainingData& data() const noexcept { return data_; }
  [[nodiscard]] const Covariance& covariance() const noexcept { return *covariance_; }
  [[nodiscard]] const std::shared_ptr<const Covariance>& shared_covariance() const noexcept { return covariance_; }
  [[nodiscard]] double mean_variance() const noexcept { return mean_variance_; }
  [[nodiscard]] const Points& points() const noexcept { return points_; }
  [[nodiscard]] const NoiseLevelsPresent& present() const noexcept { return present_; }

  // Per hyperparameter: bounds and the first starting point (logarithms). The within-run variance starts at what the
  // repeats themselves say.
  [[nodiscard]] const Eigen::VectorXd& low() const noexcept { return low_; }
  [[nodiscard]] const Eigen::VectorXd& high() const noexcept { return high_; }
  [[nodiscard]] const Eigen::VectorXd& start() const noexcept { return start_; }

  struct Value {
    double log_likelihood = 0.0;  ///< of all readings, in the response's unit; −infinity = covariance not usable
    double log_posterior = 0.0;   ///< + log prior, up to a constant
  };
  /// Memory that one thread reuses between evaluations of one target. The last one whose gradient was made is
  /// remembered: to ask for the same theta again costs nothing.
  struct Workspace {
    Covariance::Workspace covariance;
    Eigen::MatrixXd matrix;   ///< after a value the Cholesky factor in its lower triangle
    Eigen::MatrixXd inverse;  ///< after a gradient the lower triangle of C⁻¹
    double mean = 0.0;
    Eigen::VectorXd inverted_at;  ///< theta that all of this is of; empty = the inverse is not there
    Value value;
    Eigen::VectorXd gradient;

    [[nodiscard]] bool holds_inverse_at(const Eigen::VectorXd& theta) const {
      return inverted_at.size() > 0 && inverted_at == theta;
    }
  };
  /// A covariance that is not positive definite has the values −infinity.
  [[nodiscard]] Value value(const Eigen::VectorXd& theta, Workspace& work) const;
  /// Derivative of log_posterior at the theta of the last value() with this workspace, which was finite.
  [[nodiscard]] Eigen::VectorXd gradient(const Eigen::VectorXd& theta, Workspace& work) const;
  /// (p, p) Average information of the data, between the observed and the expected one (Gilmour, Thompson and Cullis
  /// 1995): ½ (∂C/∂θ_k α)ᵀ P (∂C/∂θ_l α), α = C⁻¹ (y − mean), P = C⁻¹ without what the mean takes. Positive
  /// semidefinite, for the price of p covariances, and an inverse where the workspace has none; 0 for fixed
  /// hyperparameters. The workspace is spent. @pre a finite value.
  [[nodiscard]] Eigen::MatrixXd information(const Eigen::VectorXd& theta, Workspace& work) const;

  /// The same from what a prediction is made of: the mean, C⁻¹ (y − mean) and log |C|.
  [[nodiscard]] Value value_of(const Eigen::VectorXd& theta, double mean, const Eigen::VectorXd& alpha,
                               double log_determinant) const;

  [[nodiscard]] NoiseVariances noise(const Eigen::VectorXd& theta) const;
  /// Runs are single readings, so that there is one level of noise; a known one counts as that of a reading.
  [[nodiscard]] bool one_level() const noexcept {
    return !(present_.between && present_.within) && data_.known_within == 0.0;
  }
  /// Whether noise changes with the inputs, and by what at given points: h (n).
  [[nodiscard]] bool noise_varies() const noexcept { return profile_ >= 0; }
  [[nodiscard]] Eigen::VectorXd noise_shape(const Eigen::VectorXd& theta, const Points& points) const;
  /// (q, p) derivatives of a variance (q) in proportion to h by the coded inputs.
  [[nodiscard]] Eigen::MatrixXd noise_gradient(const Eigen::VectorXd& theta, const Eigen::VectorXd& variance,
                                               Eigen::Index inputs) const;
  /// Lower triangle of C; above the diagonal is undefined.
  void total_covariance(const Eigen::VectorXd& theta, Workspace& work) const;
  /// The rows of C of the last `added` points: cross (u − added, added) with all before them, and the lower triangle of
  /// own (added, added). @param coordinates of all points.
  void last_rows(const Eigen::VectorXd& theta, const Covariance::Coordinates& coordinates, Eigen::Index added,
                 Eigen::MatrixXd& cross, Eigen::MatrixXd& own) const;

 private:
  void add_hyperparameter(const std::string& name, const HyperparameterSpec& spec, double start);
  [[nodiscard]] Eigen::VectorXd own_noise_shape(const Eigen::VectorXd& theta) const;
  [[nodiscard]] double reduction_factor(double log_within, const Eigen::VectorXd& shape) const;
  /// @param quadratic (y − mean)ᵀ C⁻¹ (y − mean).
  [[nodiscard]] double log_likelihood(const Eigen::VectorXd& theta, double quadratic, const Eigen::VectorXd& shape,
                                      double log_determinant) const;
  void add_noise_gradient(const Eigen::VectorXd& theta, const Eigen::VectorXd& shape, const Eigen::MatrixXd& inverse,
                          const Eigen::VectorXd& alpha, Eigen::VectorXd& gradient) const;
  void add_reduced_information(const Eigen::VectorXd& theta, Eigen::MatrixXd& information) const;
  double add_prior(const Eigen::VectorXd& theta, Eigen::VectorXd* gradient) const;

  std::shared_ptr<const Covariance> covariance_;
  TrainingData data_;
  Points points_;
  double mean_variance_;
  NoiseLevelsPresent present_;
  Eigen::Index between_ = -1;  ///< places in theta, −1 = absent
  Eigen::Index point_ = -1;
  Eigen::Index within_ = -1;
  Eigen::Index profile_ = -1;  ///< of its first
  Eigen::MatrixXd features_;   ///< (u, ratios) of the noise profile
  std::vector<Hyperparameter> hyperparameters_;
  Eigen::VectorXd low_;
  Eigen::VectorXd high_;
  Eigen::VectorXd start_;
};

/// Constant mean by generalised least squares from solves with 1 and y; 0 when the mean has a finite prior variance.
[[nodiscard]] double profiled_mean(double mean_variance, const Eigen::MatrixXd& inverse, const Eigen::VectorXd& y);

}  // namespace luban::surrogate::detail
