// SPDX-License-Identifier: MIT
import java.util.List;
import java.util.Map;
import org.opensearch.analysis.common.CommonAnalysisPlugin;
import org.opensearch.common.settings.Settings;
import org.opensearch.ingest.common.IngestCommonPlugin;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.transport.Netty4Plugin;

/** One OpenSearch node with HTTP, for the tests. Arguments are settings: NAME=VALUE. */
public final class OpenSearchNode extends Node {
	private OpenSearchNode(Settings settings) {
		super(InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "weir"),
			List.of(Netty4Plugin.class, CommonAnalysisPlugin.class, IngestCommonPlugin.class), false);
	}

	public static void main(String[] arguments) throws Exception {
		Settings.Builder settings = Settings.builder();
		for (String argument : arguments) {
			int at = argument.indexOf('=');
			settings.put(argument.substring(0, at), argument.substring(at + 1));
		}
		new OpenSearchNode(settings.build()).start();
		Thread.currentThread().join();
	}
}
