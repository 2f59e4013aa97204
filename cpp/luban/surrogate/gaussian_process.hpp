#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/surrogate/artefact.hpp>
#include <luban/surrogate/export.hpp>
#include <luban/surrogate/kernel.hpp>
#include <luban/surrogate/surrogate.hpp>

namespace luban::surrogate {

/// How a Gaussian process is fitted. Defaults serve histories nobody has seen yet; presets are named in presets.hpp.
struct GaussianProcessOptions {
  std::string preset = "luban";  ///< covariance and priors by name; presets.hpp lists them
  int starts = 4;                ///< 1 … 64 optimisations, the first from the priors' centres; the best is kept
  int max_iterations = 200;      ///< of each optimisation; at least 1
  bool robust = true;            ///< find gross errors and give them weight 0 before the reduction
  int threads = 0;               ///< over responses and starts; at least 0, 0 = the CPU budget
  /// Per response: hyperparameters of an earlier fit to data of the same structure, the first of the starts; an empty
  /// vector = none. With starts = 1 nothing else is tried, the fast way to refit a design with new values.
  std::vector<Eigen::VectorXd> warm_starts = {};
  /// Covariance and priors as data, presets.hpp has some; `preset` is then their name alone.
  std::optional<ModelSpec> model = {};
  /// Where the dataset knows the variances of its readings: learn a variance between runs beside them.
  bool extra_noise = false;
};

/// What a fit did, for the model card and for people.
struct LUBAN_SURROGATE_EXPORT FitReport {
  double log_posterior = 0.0;   ///< of the hyperparameters at the optimum, in nats, up to a constant
  double log_likelihood = 0.0;  ///< of all readings (the reduction's factor included), in the response's unit
  int evaluations = 0;          ///< of the log posterior with its gradient, all starts together
  int starts_converged = 0;
  double jitter = 0.0;            ///< relative jitter that was needed; 0 is the rule
  bool degraded = false;          ///< the covariance had to be repaired beyond the jitter ladder
  Eigen::Index readings = 0;      ///< with weight above 0
  Eigen::Index points = 0;        ///< unique (run, point) means, u
  Eigen::Index runs = 0;          ///< with a usable reading
  Eigen::Index gross_errors = 0;  ///< readings of weight 0 that were not missing
  /// Those of the gross errors that the cell rule could not see and the fit itself found (only in data without
  /// repeats): rows of the dataset, ascending.
  std::vector<std::int64_t> set_aside;
  Eigen::VectorXd hyperparameters;  ///< logarithms, in the order of hyperparameter_names
  std::vector<std::string> hyperparameter_names;
};

/// Exact Gaussian process per response on the reduced readings, with up to three levels of noise: of a run, of one
/// input point within a run, of a reading. Levels that the data cannot tell apart are merged (each run one reading: all
/// noise is between runs). Hyperparameters: maximum a posteriori. Reference: Rasmussen and Williams 2006, chapters 2
/// and 5.
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
  [[nodiscard]] std::unique_ptr<Posterior> average(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                                   const PosteriorRequest& request = {}) const override;
  /// What the fitted hyperparameters say about X (q, p) before any data: the model that worlds are drawn from.
  [[nodiscard]] std::unique_ptr<Posterior> prior(const Eigen::MatrixXd& X, const PosteriorRequest& request = {}) const;
  [[nodiscard]] const std::string& preset() const noexcept;
  [[nodiscard]] std::shared_ptr<const Surrogate> only(const std::vector<Eigen::Index>& responses) const override;
  [[nodiscard]] std::unique_ptr<const SurrogateBeside> beside(const Eigen::MatrixXd& fixed) const override;
  [[nodiscard]] std::unique_ptr<const SurrogateBeside> average_beside(const Eigen::MatrixXd& fixed,
                                                                      const Eigen::VectorXd& weights) const override;
  /// Estimated noise of a response: standard deviations between runs, between the points of a run beyond what the
  /// model of the inputs says, and of one reading; in its unit, 0 where the data show no such level.
  [[nodiscard]] double between_sd(Eigen::Index response) const;
  [[nodiscard]] double between_points_sd(Eigen::Index response) const;
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

/// How a local Gaussian process is fitted.
struct LocalGaussianProcessOptions {
  GaussianProcessOptions process = {};  ///< how hyperparameters are found; warm_starts as there
  Eigen::Index neighbours = 100;        ///< 5 … 500 means that an answer is made from
  Eigen::Index learned_from = 600;  ///< 50 … 5000 means of whole runs, at random, that hyperparameters are found on
};

/// A Gaussian process for more points than an exact one can hold, up to some 10^5 means: hyperparameters from a random
/// part of the runs, each answer from the nearest means alone, nearness being the prior variance of the difference
/// (kriging in moving neighbourhoods; Vecchia 1988, Datta et al. 2016, Gramacy and Apley 2015). Answers of one point
/// are those of an exact process of its neighbours, with a mean of their own where the model's is unknown. Joint
/// covariances are those of the errors of these answers under the whole prior. Where the set of neighbours changes,
/// answers jump a little. Memory grows with the means, time of an answer too (their distances), not with their cube.
class LUBAN_SURROGATE_EXPORT LocalGaussianProcess final : public Surrogate {
 public:
  /// @throws as GaussianProcess::fit; gross errors are found in repeats alone.
  [[nodiscard]] static std::shared_ptr<const LocalGaussianProcess> fit(const features::Dataset& data,
                                                                       const LocalGaussianProcessOptions& options,
                                                                       core::RandomKey key,
                                                                       const core::CallControl& control = {});
  ~LocalGaussianProcess() override;
  [[nodiscard]] std::string kind() const override { return "local_gaussian_process"; }
  [[nodiscard]] const features::Encoder& encoder() const noexcept override;
  [[nodiscard]] const std::vector<features::ResponseColumn>& responses() const noexcept override;
  [[nodiscard]] std::unique_ptr<Posterior> posterior(const Eigen::MatrixXd& X,
                                                     const PosteriorRequest& request = {}) const override;
  /// Of the answers at the levels.
  [[nodiscard]] std::unique_ptr<Posterior> average(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                                   const PosteriorRequest& request = {}) const override;
  [[nodiscard]] std::shared_ptr<const Surrogate> only(const std::vector<Eigen::Index>& responses) const override;
  /// (m) of the fits on the parts; points, readings and runs are of everything.
  [[nodiscard]] const std::vector<FitReport>& reports() const noexcept;
  [[nodiscard]] Eigen::Index neighbours() const noexcept;

  /// Adds tensors and metadata to an artefact under the key "local_gaussian_process".
  void write(Artefact& artefact) const;
  /// @throws IntegrityError when something is missing or of the wrong shape.
  [[nodiscard]] static std::shared_ptr<const LocalGaussianProcess> read(const Artefact& artefact);

 private:
  struct Impl;
  explicit LocalGaussianProcess(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// One Gaussian process of several responses that have something in common: the response is the task of an intrinsic
/// coregionalisation (PresetChanges::tasks), each standardised by itself, with its own level and noise. A response with
/// few values borrows from those with many; noise is independent between responses. Time and memory are those of one
/// process of all values together. Reference: Bonilla, Chai and Williams 2008.
class LUBAN_SURROGATE_EXPORT CorrelatedResponses final : public Surrogate {
 public:
  /// @param options a warm start, if any, is that of the one process. @throws as GaussianProcess::fit;
  /// ConfigurationError when there is one response alone.
  [[nodiscard]] static std::shared_ptr<const CorrelatedResponses> fit(const features::Dataset& data,
                                                                      const GaussianProcessOptions& options,
                                                                      core::RandomKey key,
                                                                      const core::CallControl& control = {});
  ~CorrelatedResponses() override;
  [[nodiscard]] std::string kind() const override { return "correlated_responses"; }
  [[nodiscard]] const features::Encoder& encoder() const noexcept override;
  [[nodiscard]] const std::vector<features::ResponseColumn>& responses() const noexcept override;
  [[nodiscard]] std::unique_ptr<Posterior> posterior(const Eigen::MatrixXd& X,
                                                     const PosteriorRequest& request = {}) const override;
  [[nodiscard]] std::unique_ptr<Posterior> average(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                                   const PosteriorRequest& request = {}) const override;
  [[nodiscard]] std::shared_ptr<const Surrogate> only(const std::vector<Eigen::Index>& responses) const override;
  /// (m, m) correlations of the responses' courses before any data, as learned: 1 on the diagonal, none negative.
  [[nodiscard]] Eigen::MatrixXd correlations() const;
  [[nodiscard]] const FitReport& report() const noexcept;

  /// Adds tensors and metadata to an artefact under "gaussian_process" and "correlated_responses".
  void write(Artefact& artefact) const;
  /// @throws IntegrityError when something is missing or of the wrong shape.
  [[nodiscard]] static std::shared_ptr<const CorrelatedResponses> read(const Artefact& artefact);

 private:
  struct Impl;
  explicit CorrelatedResponses(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace luban::surrogate
