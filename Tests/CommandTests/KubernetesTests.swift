import Foundation
import Recipes
import TestSupport
import Testing

/// `cluster/mpijob.yaml` says what the MPI Operator understands, and what `recur` understands.
@Suite struct KubernetesTests {
  private let job: [String: Any]

  init() throws {
    let text = try String(
      contentsOf: Command.repository.appendingPathComponent("cluster/mpijob.yaml"), encoding: .utf8)
    job = try #require(try YAMLDocument(text).root?.value as? [String: Any])
  }

  /// What may stand in an object of the MPI Operator.
  private indirect enum Field {
    case word([String])
    case text
    case count(from: Int)
    case flag
    /// Fields, and those that must be there.
    case object([String: Field], required: [String] = [])
    /// Checked elsewhere.
    case other

    /// Where and why a value does not fit.
    func faults(_ value: Any, at path: String) -> [String] {
      switch self {
      case .word(let words):
        let word = value as? String ?? (value as? Int).map(String.init)
        return word.map(words.contains) == true ? [] : ["\(path): not one of \(words)"]
      case .text: return value is String ? [] : ["\(path): not a string"]
      case .count(let least):
        return (value as? Int).map { $0 >= least } == true ? [] : ["\(path): not a number from \(least)"]
      case .flag: return value is Bool ? [] : ["\(path): not true or false"]
      case .other: return []
      case .object(let fields, let required):
        guard let object = value as? [String: Any] else { return ["\(path): not an object"] }
        let missing = required.filter { object[$0] == nil }.map { "\(path).\($0): missing" }
        return missing
          + object.flatMap { key, value in
            fields[key]?.faults(value, at: "\(path).\(key)") ?? ["\(path).\(key): no such field"]
          }
      }
    }
  }

  /// What the MPI Operator accepts as an MPIJob of version kubeflow.org/v2beta1, as far as could be read: compared by hand with its types
  /// (github.com/kubeflow/mpi-operator, pkg/apis/kubeflow/v2beta1/types.go), with what pkg/apis/kubeflow/validation asks beyond that,
  /// and for newer fields with the pages of its Python client. In our own words, and without the pods, whose schema is Kubernetes'.
  private static let schema: Field = {
    let replica = Field.object(
      ["replicas": .count(from: 1), "restartPolicy": .word(["Never", "OnFailure"]), "template": .other],
      required: ["replicas", "template"])
    let launcher = Field.object(
      ["replicas": .word(["1"]), "restartPolicy": .word(["Never", "OnFailure"]), "template": .other],
      required: ["replicas", "template"])
    let policy = Field.object([
      "activeDeadlineSeconds": .count(from: 1), "backoffLimit": .count(from: 0),
      "cleanPodPolicy": .word(["None", "Running", "All"]), "managedBy": .text, "schedulingPolicy": .other,
      "suspend": .flag, "ttlSecondsAfterFinished": .count(from: 0),
    ])
    let spec = Field.object(
      [
        "launcherCreationPolicy": .word(["AtStartup", "WaitForWorkersReady"]),
        "mpiImplementation": .word(["OpenMPI", "Intel", "MPICH"]),
        "mpiReplicaSpecs": .object(["Launcher": launcher, "Worker": replica], required: ["Launcher"]),
        "runLauncherAsWorker": .flag, "runPolicy": policy, "slotsPerWorker": .count(from: 1),
        "sshAuthMountPath": .text,
      ], required: ["mpiReplicaSpecs"])
    return .object(
      [
        "apiVersion": .word(["kubeflow.org/v2beta1"]), "kind": .word(["MPIJob"]), "metadata": .other,
        "spec": spec,
      ], required: ["apiVersion", "kind", "metadata", "spec"])
  }()

  @Test func hasOnlyTheOperatorsFields() {
    #expect(Self.schema.faults(job, at: "mpijob") == [])
    // The check finds what it is for.
    var wrong = job
    wrong["spec"] = ["slotsPerWorker": "4", "waitForWorkers": true]
    #expect(
      Self.schema.faults(wrong, at: "mpijob").sorted() == [
        "mpijob.spec.mpiReplicaSpecs: missing", "mpijob.spec.slotsPerWorker: not a number from 1",
        "mpijob.spec.waitForWorkers: no such field",
      ])
  }

  /// The longest name of a pod must be a label of DNS: 63 letters, digits and hyphens.
  @Test func itsPodsHaveNames() throws {
    let name = try #require((job["metadata"] as? [String: Any])?["name"] as? String)
    #expect("\(name)-worker-9999".wholeMatch(of: /[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/) != nil)
    for replica in ["Launcher", "Worker"] { #expect(try container(replica)["image"] is String) }
  }

  private func template(_ replica: String) throws -> [String: Any] {
    let spec = try #require(job["spec"] as? [String: Any])
    let replicas = try #require(spec["mpiReplicaSpecs"] as? [String: [String: Any]])
    return try #require(replicas[replica]?["template"] as? [String: Any])
  }

  private func container(_ replica: String) throws -> [String: Any] {
    let spec = try #require(try template(replica)["spec"] as? [String: Any])
    return try #require((spec["containers"] as? [[String: Any]])?.first)
  }

  @Test func waitsForItsWorkersAndFillsThem() throws {
    let spec = try #require(job["spec"] as? [String: Any])
    #expect(spec["launcherCreationPolicy"] as? String == "WaitForWorkersReady")
    let workers = (spec["mpiReplicaSpecs"] as? [String: [String: Any]])?["Worker"]?["replicas"] as? Int
    let slots = try #require(spec["slotsPerWorker"] as? Int)
    let arguments = try #require(try container("Launcher")["args"] as? [String])
    let index = try #require(arguments.firstIndex(of: "-n"))
    #expect(Int(arguments[index + 1]) == (workers ?? 0) * slots)
    // A rank for each core of a worker.
    let limits = (try container("Worker")["resources"] as? [String: [String: Any]])?["limits"]
    #expect(limits?["cpu"] as? String == "\(slots)")
  }

  /// The launcher's command line, with a hostfile as the operator writes it and the recipe where the image has it.
  @Test func itsCommandIsUnderstood() throws {
    let folder = try Folder()
    let hosts = try folder.write(
      "hostfile", "recur-worker-0.recur.jobs.svc slots=4\nrecur-worker-1.recur.jobs.svc slots=4\n")
    let given = try #require(try container("Launcher")["args"] as? [String])
    #expect(given.first == "launch" && given.contains("/etc/mpi/hostfile"))
    let arguments =
      ["launch", "--dry-run"] + given.dropFirst().map { $0 == "/etc/mpi/hostfile" ? hosts : $0 }
    let outcome = try Command.Running(arguments, in: folder.url, environment: [:]).outcome()
    #expect(outcome.status == 0, "\(outcome.err)")
    #expect(outcome.out.contains("-n 8 --hostfile \(hosts)"), "\(outcome.out)")
    let recipe = try #require(given.first { $0.hasSuffix(".yaml") })
    #expect(FileManager.default.fileExists(atPath: Command.repository.path + recipe))
  }

  /// The restricted Pod Security Standard.
  @Test(arguments: ["Launcher", "Worker"]) func itsPodsHaveNoPrivileges(replica: String) throws {
    let spec = try #require(try template(replica)["spec"] as? [String: Any])
    let pod = try #require(spec["securityContext"] as? [String: Any])
    #expect(pod["runAsNonRoot"] as? Bool == true && pod["runAsUser"] as? Int == 1000)
    #expect(pod["seccompProfile"] as? [String: String] == ["type": "RuntimeDefault"])
    #expect(spec["automountServiceAccountToken"] as? Bool == false)
    for container in try #require(spec["containers"] as? [[String: Any]]) {
      let context = try #require(container["securityContext"] as? [String: Any])
      #expect(context["allowPrivilegeEscalation"] as? Bool == false)
      #expect(context["capabilities"] as? [String: [String]] == ["drop": ["ALL"]])
      let resources = try #require(container["resources"] as? [String: [String: Any]])
      for kind in ["requests", "limits"] {
        #expect(resources[kind]?["cpu"] != nil && resources[kind]?["memory"] != nil)
      }
    }
  }

  private func file(_ name: String) throws -> String {
    try String(contentsOf: Command.repository.appendingPathComponent("cluster/\(name)"), encoding: .utf8)
  }

  /// The server that the workers run, the port that they are asked at, and the keys that are mounted, are those of the image.
  @Test func itsServerIsThatOfTheImage() throws {
    let worker = try container("Worker")
    let probe = try #require((worker["readinessProbe"] as? [String: Any])?["tcpSocket"] as? [String: Any])
    let ports = try #require(worker["ports"] as? [[String: Any]])
    #expect(
      ports.first { $0["name"] as? String == probe["port"] as? String }?["containerPort"] as? Int == 2222)
    for name in ["ssh_config", "sshd_config"] { #expect(try file(name).contains("Port 2222\n")) }
    let image = try file("Dockerfile").split(separator: "\n")
    #expect(image.contains("COPY --chmod=755 cluster/sshd /usr/local/bin/recur-sshd"))
    #expect(worker["command"] as? [String] == ["/usr/local/bin/recur-sshd"])
    #expect(image.last { $0.hasPrefix("USER ") } == "USER 1000:1000")
    #expect((job["spec"] as? [String: Any])?["sshAuthMountPath"] as? String == "/home/mpiuser/.ssh")
  }

  /// A worker's server and client, run by a user without privileges, with keys mounted as the operator mounts them: who has the job's
  /// key gets in, and only to a host that has it too.
  @Test(.enabled(if: canServe, "needs root, openssh-server, setpriv, and a user who may log in"))
  func onlyTheJobsKeyOpensAndIsBelieved() throws {
    let user = try #require(ordinaryUser)
    // Safe modes are asked of all folders above it, and that for temporary files is everybody's.
    let home = "/run/recur-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: home) }
    let script = """
      set -eu
      home=$1 cluster=$2
      mkdir -p "$home/.ssh/data"
      ssh-keygen -q -t ecdsa -b 521 -N '' -f "$home/.ssh/data/id_rsa"
      cp "$home/.ssh/data/id_rsa.pub" "$home/.ssh/data/authorized_keys"
      ln -s data/id_rsa data/id_rsa.pub data/authorized_keys "$home/.ssh"
      chmod 644 "$home/.ssh/data/"*
      chmod 1777 "$home/.ssh"
      sed "s|%d|$home|; s|~|$home|; s/2222/$3/" "$cluster/ssh_config" > "$home/ssh_config"
      sed "s/2222/$3/" "$cluster/sshd_config" > "$home/sshd_config"
      cp "$cluster/sshd" "$home/server"
      chmod 755 "$home" "$home/server"
      chown "$4" "$home"
      """
    let port = "\(20000 + getpid() % 20000)"
    let cluster = Command.repository.appendingPathComponent("cluster").path
    let made = try run("/bin/sh", ["-c", script, "sh", home, cluster, port, user.number])
    try #require(made.status == 0, "\(made.errors)")
    let use = """
      export HOME=$1
      cd
      ./server "$HOME/.ssh" "$HOME/sshd_config" 2> log & server=$!
      for i in 1 2 3 4 5 6 7 8 9 10; do grep -q listening log && break; sleep 0.3; done
      ssh -F ssh_config "$2@localhost" true || true
      echo "let in: $(grep -c 'Accepted publickey' log)"
      kill $server; wait $server
      ssh-keygen -q -t ecdsa -N '' -f other
      /usr/sbin/sshd -D -e -f "$HOME/sshd_config" -o "HostKey=$HOME/other" 2> log & server=$!
      for i in 1 2 3 4 5 6 7 8 9 10; do grep -q listening log && break; sleep 0.3; done
      ssh -F ssh_config "$2@localhost" true; echo "another host: $?"
      kill $server
      """
    let outcome = try run(
      find("setpriv")!,
      [
        "--reuid=\(user.number)", "--regid=\(user.number)", "--clear-groups", "--no-new-privs",
        "--bounding-set=-all",
      ]
        + ["/bin/sh", "-c", use, "sh", home, user.name])
    #expect(outcome.output == "let in: 1\nanother host: 255\n", "\(outcome.errors)")
    #expect(outcome.errors.contains("Host key verification failed"))
  }

  private static let validator: String? = {
    [ProcessInfo.processInfo.environment["RECUR_PYTHON"], find("python3")].compactMap { $0 }
      .first { (try? run($0, ["-c", "import kubernetes_validate"]).status) == 0 }
  }()

  /// The pods, against the schema of Kubernetes itself.
  @Test(
    .enabled(if: validator != nil, "needs Python with kubernetes-validate; name it in RECUR_PYTHON"),
    arguments: ["Launcher", "Worker"])
  func itsPodsAreThoseOfKubernetes(replica: String) throws {
    let pod: [String: Any] = [
      "apiVersion": "v1", "kind": "Pod", "metadata": ["name": "pod"],
      "spec": try #require(try template(replica)["spec"]),
    ]
    let text = String(decoding: try JSONSerialization.data(withJSONObject: pod), as: UTF8.self)
    let program = """
      import json, sys, kubernetes_validate
      kubernetes_validate.validate(json.loads(sys.argv[1]), kubernetes_validate.latest_version(), strict=True)
      """
    let outcome = try run(try #require(Self.validator), ["-c", program, text])
    #expect(outcome.status == 0, "\(outcome.errors)")
  }
}

/// Someone with a shell and no privileges.
private let ordinaryUser: (name: String, number: String)? = {
  let lines = ((try? String(contentsOfFile: "/etc/passwd", encoding: .utf8)) ?? "").split(separator: "\n")
  return lines.map { $0.split(separator: ":", omittingEmptySubsequences: false).map(String.init) }
    .first { $0.count == 7 && (1000..<60000).contains(Int($0[2]) ?? 0) && $0[6].hasSuffix("sh") }
    .map { ($0[0], $0[2]) }
}()

private let canServe =
  getuid() == 0 && ordinaryUser != nil && find("ssh") != nil && find("ssh-keygen") != nil
  && find("setpriv") != nil
  && FileManager.default.isExecutableFile(atPath: "/usr/sbin/sshd")

extension YAMLDocument.Node {
  /// As YAML's core schema reads it: what is not quoted may be a number or a truth.
  fileprivate var value: Any {
    switch content {
    case .scalar(let text, let isPlain):
      let typed: Any? = Int(text) as Any? ?? Bool(text)
      return isPlain ? typed ?? text : text
    case .sequence(let items): return items.map(\.value)
    case .mapping(let pairs):
      return Dictionary(
        uniqueKeysWithValues: pairs.map { key, value in (key.value as? String ?? "", value.value) })
    }
  }
}
