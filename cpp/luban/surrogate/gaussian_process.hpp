#pragma once

#include <memory>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/surrogate/artefact.hpp>
#include <luban/surrogate/export.hpp>
#include <luban/surrogate/surrogate.hpp>

namespace luban::surrogate {

/// How a Gaussian process is fitted. Defaults serve histories nobody has seen yet; presets are named in presets.hpp.
struct GaussianProcessOptions {
  std::string preset = "luban";                   ///< kernel and priors by name; presets.hpp lists them
  int starts = 4;                                 ///< 1 … 64 optimisations from different points, the best is kept
  int max_iterations = 200;                       ///< of each optimisation
  bool robust = true;                             ///< find gross errors and give them weight 0 before the reduction
  int threads = 0;                                ///< 0 = the CPU budget
  std::vector<Eigen::VectorXd> warm_starts = {};  ///< per response: hyperparameters of an earlier fit, tried first
};

/// What a fit did, for the model card and for people.
struct LUBAN_SURROGATE_EXPORT FitReport {
  double log_posterior = 0.0;   ///< of the hyperparameters at the optimum, in nats
  double log_likelihood = 0.0;  ///< of all readings (the reduction's factor included)
  int evaluations = 0;
  int starts_converged = 0;
  double jitter = 0.0;              ///< relative jitter that was needed; 0 is the rule
  bool degraded = false;            ///< the covariance had to be repaired beyond the jitter ladder
  Eigen::Index readings = 0;        ///< with weight above 0
  Eigen::Index points = 0;          ///< unique (run, point) means, u
  Eigen::Index gross_errors = 0;    ///< readings of weight 0 that were not missing
  Eigen::VectorXd hyperparameters;  ///< unconstrained, in the order of hyperparameter_names
  std::vector<std::string> hyperparameter_names;
};

/// Exact Gaussian process per response on the reduced readings, with two levels of noise (between runs, within a run).
/// Hyperparameters: maximum a posteriori. Reference: Rasmussen and Williams 2006, chapters 2 and 5.
class LUBAN_SURROGATE_EXPORT GaussianProcess final : public Surrogate {
 public:
  /// @throws ConfigurationError on an unknown preset (the nearest is named) or an option out of range; DataError when a
  /// response has no usable reading; NumericalError when no start gives a usable covariance; StoppedError.
  [[nodiscard]] static std::shared_ptr<const GaussianProcess> fit(const features::Dataset& data,
                                                                  const GaussianProcessOptions& options,
                                                                  core::RandomKey key,
                                                                  const core::CallControl& control = {});
  ~GaussianProcess() override;
  [[nodiscard]] std::string kind() const override { return "gaussian_process"; }
  [[nodiscard]] const features::Encoder& encoder() const noexcept override;
  [[nodiscard]] const std::vector<features::ResponseColumn>& responses() const noexcept override;
  [[nodiscard]] std::unique_ptr<Posterior> posterior(const Eigen::MatrixXd& X,
                                                     const PosteriorRequest& request = {}) const override;
  [[nodiscard]] const std::vector<FitReport>& reports() const noexcept;  ///< (m)
  /// Estimated noise of a response: standard deviations between runs and within a run, in its unit.
  [[nodiscard]] double between_sd(Eigen::Index response) const;
  [[nodiscard]] double within_sd(Eigen::Index response) const;

  /// Adds tensors and metadata to an artefact under the key "gaussian_process".
  void write(Artefact& artefact) const;
  /// @throws IntegrityError when something is missing or of the wrong shape.
  [[nodiscard]] static std::shared_ptr<const GaussianProcess> read(const Artefact& artefact);

 private:
  struct Impl;
  explicit GaussianProcess(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace luban::surrogate
