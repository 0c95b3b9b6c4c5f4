import Foundation
import Recipes
import TestSupport
import Testing

/// `cluster/mpijob.yaml` says what the MPI Operator understands, and what `recur` understands.
@Suite(.tags(.mpi)) struct KubernetesTests {
  private let job: [String: Any]
  /// An MPIJob and its pods as the operator's and Kubernetes' own schemas have them; the file says where it is from. No unknown field is
  /// passed over.
  private let schema: JSONSchema

  init() throws {
    schema = try JSONSchema(
      Data(contentsOf: Command.repository.appendingPathComponent("Tests/Reference/mpijob.schema.json")))
    let text = try String(
      contentsOf: Command.repository.appendingPathComponent("cluster/mpijob.yaml"), encoding: .utf8)
    job = try #require(try YAMLDocument(text).root?.value as? [String: Any])
  }

  @Test func isWhatAClusterAccepts() { #expect(schema.faults(job) == []) }

  /// What the check is for, one mistake at a time: where, what stands there then (nil: nothing), and what is said.
  @Test func mistakesAreFound() {
    let (launcher, worker) = ("spec.mpiReplicaSpecs.Launcher", "spec.mpiReplicaSpecs.Worker")
    let container = "\(worker).template.spec.containers.0"
    let mistakes: [(String, Any?, String)] = [
      ("kind", "Job", "kind: none of MPIJob"),
      ("metadata.name", "Recur", "metadata.name: does not fit"),
      ("spec.slotsPerWorker", "4", "spec.slotsPerWorker: no integer"),
      ("spec.slotsPerWorker", 0, "spec.slotsPerWorker: less than 1"),
      ("spec.waitForWorkers", true, "spec.waitForWorkers: no such field"),
      ("spec.mpiReplicaSpecs", nil, "spec.mpiReplicaSpecs: missing"),
      ("spec.runPolicy.backoffLimit", -1, "spec.runPolicy.backoffLimit: less than 0"),
      ("spec.runPolicy.cleanPodPolicy", "none", "spec.runPolicy.cleanPodPolicy: none of None"),
      ("\(launcher).replicas", 2, "\(launcher).replicas: more than 1"),
      ("\(launcher).restartPolicy", "Always", "\(launcher).restartPolicy: none of Never"),
      ("\(worker).template.spec.containers", [Any](), "containers: fewer than 1"),
      ("\(worker).template.spec.terminationGracePeriodSeconds", "90s", "Seconds: no integer"),
      ("\(worker).template.spec.affinity", [String: Any](), "affinity: not written down"),
      ("\(worker).template.spec.securityContext.runAsNonRoot", "true", "runAsNonRoot: no boolean"),
      ("\(container).command", "/bin/sh", "command: no array"),
      ("\(container).resource", [String: Any](), "resource: no such field"),
      ("\(container).resources.limits.memory", "4 GB", "memory: does not fit"),
      ("\(container).ports.0.containerPort", 70_000, "containerPort: more than 65535"),
      ("\(container).readinessProbe.tcpSocket.port", "SSH", "port: does not fit"),
      ("\(container).lifecycle.preStop.command", ["x"], "preStop.command: no such field"),
      ("\(container).volumeMounts.0.mountPath", nil, "mountPath: missing"),
    ]
    for (path, value, fault) in mistakes {
      let wrong = changed(job, path.split(separator: ".").map(String.init)[...], to: value)
      let faults = schema.faults(wrong)
      #expect(faults.count == 1 && faults[0].contains(fault), "\(path): \(faults)")
    }
  }

  /// A copy with another value, or without one, at a place.
  private func changed(_ whole: Any, _ path: ArraySlice<String>, to value: Any?) -> Any? {
    guard let step = path.first else { return value }
    if var list = whole as? [Any], let index = Int(step) {
      list[index] = changed(list[index], path.dropFirst(), to: value) ?? ""
      return list
    }
    var object = whole as? [String: Any] ?? [:]
    object[step] = changed(object[step] ?? [String: Any](), path.dropFirst(), to: value)
    return object
  }

  /// Restarts have one place, which survives the loss of any pod, and an image has a number.
  @Test func restartsHaveOnePlaceAndImagesANumber() throws {
    let spec = try #require(job["spec"] as? [String: Any])
    let policy = try #require(spec["runPolicy"] as? [String: Any])
    #expect((policy["backoffLimit"] as? Int ?? 0) > 0)
    #expect(
      (try container("Launcher")["args"] as? [String])?.contains { $0.hasPrefix("--max-restarts") } == false)
    let replicas = try #require(spec["mpiReplicaSpecs"] as? [String: [String: Any]])
    #expect(replicas["Launcher"]?["restartPolicy"] as? String == "Never")
    #expect(replicas["Worker"]?["restartPolicy"] as? String == "OnFailure")
    let version = try Command.run("--version").out.split(separator: " ")
    let image = "recur:\(version[1].trimmingCharacters(in: .whitespacesAndNewlines))"
    for replica in ["Launcher", "Worker"] { #expect(try container(replica)["image"] as? String == image) }
    #expect(try file("Dockerfile").contains("-t \(image) ."))
  }

  /// A pod that is to go has the time that `recur launch` gives the ranks, and a worker's asks them itself.
  @Test func podsThatGoSaveFirst() throws {
    for replica in ["Launcher", "Worker"] {
      let spec = try #require(try template(replica)["spec"] as? [String: Any])
      // 60 s for saving, 10 for ending, and some for the pod.
      #expect((spec["terminationGracePeriodSeconds"] as? Int ?? 30) >= 80)
    }
    let lifecycle = try #require(
      try container("Worker")["lifecycle"] as? [String: [String: [String: [String]]]])
    #expect(lifecycle["preStop"]?["exec"]?["command"] == ["/usr/local/bin/recur-stop"])
    #expect(try file("Dockerfile").contains("COPY --chmod=755 cluster/stop /usr/local/bin/recur-stop\n"))
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
    let slots = try #require(spec["slotsPerWorker"] as? Int)
    // A rank for each core of a worker.
    let limits = (try container("Worker")["resources"] as? [String: [String: Any]])?["limits"]
    #expect(limits?["cpu"] as? String == "\(slots)")
  }

  /// The launcher's command line, with a hostfile as the operator writes it and the recipe where the image has it.
  @Test func itsCommandIsUnderstood() throws {
    let folder = try Folder()
    let spec = try #require(job["spec"] as? [String: Any])
    let slots = try #require(spec["slotsPerWorker"] as? Int)
    let replicas = try #require(spec["mpiReplicaSpecs"] as? [String: [String: Any]])
    let workers = try #require(replicas["Worker"]?["replicas"] as? Int)
    let hosts = try folder.write(
      "hostfile",
      (0..<workers).map { "recur-worker-\($0).recur-worker.jobs.svc slots=\(slots)\n" }.joined())
    let given = try #require(try container("Launcher")["args"] as? [String])
    #expect(given.first == "launch" && given.contains("/etc/mpi/hostfile"))
    let arguments =
      ["launch", "--dry-run"] + given.dropFirst().map { $0 == "/etc/mpi/hostfile" ? hosts : $0 }
    let outcome = try Command.Running(arguments, in: folder.url, environment: [:]).outcome()
    #expect(outcome.status == 0, "\(outcome.err)")
    #expect(outcome.out.contains("-n \(workers * slots) --hostfile \(hosts)"), "\(outcome.out)")
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
