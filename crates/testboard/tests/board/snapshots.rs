//! One page and one info, byte for byte. A change here changes every world: data sets made from a seed are then others.

use insta::assert_snapshot;
use tagmill_testboard::{Config, WorldConfig};

use crate::client::{api, config, start};

async fn text(path: &str) -> String {
    let world = WorldConfig { items: 5, odd_share: 0.5, video_share: 0.4, ..config(0).world };
    let board = start(Config { world, ..config(0) });
    api(&board, path).send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn a_page() {
    let page = text("items/get?flags=31").await.replace("},{\"id\"", "},\n{\"id\"");
    assert_snapshot!(page, @r#"
{"atEnd":true,"atStart":true,"error":null,"items":[{"id":5,"promoted":0,"userId":61,"up":21,"down":1,"created":1704067771,"image":"2024\/01\/01\/b9554e5c5154d692.mp4","thumb":"2024\/01\/01\/b9554e5c5154d692.jpg","fullsize":"","preview":null,"width":346,"height":260,"audio":true,"source":"https:\/\/example.org\/v\/5?a=1&b=\u00fc","flags":1,"user":"quarkkran60","mark":14,"repost":false,"variants":[{"name":"source","path":"\/2024\/01\/01\/b9554e5c5154d692.mp4","mimeType":"video\/mp4","codec":"h264","width":346,"height":260,"bitRate":null,"fileSize":20000},{"name":"vp9","path":"\/2024\/01\/01\/b9554e5c5154d692-vp9.mp4","mimeType":"video\/mp4","codec":"vp9","width":346,"height":260,"bitRate":null,"fileSize":null}],"subtitles":[]},
{"id":3,"promoted":0,"userId":160,"up":75,"down":34,"created":1704067473,"image":"2024\/01\/01\/964d911f2c30b801.png","thumb":"2024\/01\/01\/964d911f2c30b801.jpg","fullsize":"","preview":null,"width":266,"height":200,"audio":false,"source":"","flags":8,"user":"Rosthub159","mark":7,"repost":false,"variants":[],"subtitles":[]},
{"id":4,"promoted":0,"userId":179,"up":6,"down":6,"created":1704067625,"image":"2024\/01\/01\/dbd847e46d7d7e0c.gif","thumb":"2024\/01\/01\/dbd847e46d7d7e0c.jpg","fullsize":"","preview":null,"width":226,"height":170,"audio":false,"source":"","flags":8,"user":"Kabel-tron178","mark":13,"repost":false,"variants":[],"subtitles":[]},
{"id":2,"promoted":1,"userId":22,"up":54,"down":8,"created":1704067377,"image":"2024\/01\/01\/4e5f175607528752.jpg","thumb":"2024\/01\/01\/4e5f175607528752.jpg","fullsize":null,"preview":null,"width":null,"height":0,"audio":null,"source":null,"flags":1,"user":"W\u00f6lkchenb\u00e4r21","mark":0,"gift":null,"repost":false,"variants":null,"subtitles":null},
{"id":1,"promoted":0,"userId":205,"up":15,"down":3,"created":1704067289,"image":"2024\/01\/01\/72eb6a3fd56a3a3c.mp4","thumb":"2024\/01\/01\/72eb6a3fd56a3a3c.jpg","fullsize":"","preview":null,"width":268,"height":201,"audio":false,"source":"","flags":1,"user":"Kabel-tron204","mark":3,"repost":false,"variants":[{"name":"source","path":"\/2024\/01\/01\/72eb6a3fd56a3a3c.mp4","mimeType":"video\/mp4","codec":"h264","width":268,"height":201,"bitRate":null,"fileSize":20000},{"name":"vp9","path":"\/2024\/01\/01\/72eb6a3fd56a3a3c-vp9.mp4","mimeType":"video\/mp4","codec":"vp9","width":268,"height":201,"bitRate":null,"fileSize":null}],"subtitles":[]}],"ts":1704067831,"cache":"stream:new:31","rt":3,"qc":3}
"#);
}

#[tokio::test]
async fn an_info() {
    let info = text("items/info?itemId=1").await.replace("},{\"id\"", "},\n{\"id\"");
    assert_snapshot!(info, @r#"
{"tags":[{"id":90000049,"confidence":0.342372,"tag":"9.800\u5186"},
{"id":90000041,"confidence":0.5101,"tag":"arrow"},
{"id":90000045,"confidence":0.342372,"tag":"Blue"},
{"id":90000042,"confidence":0.342372,"tag":"cloud"},
{"id":90000044,"confidence":0.438494,"tag":"landscape"},
{"id":90000050,"confidence":0.206543,"tag":"OC"},
{"id":90000048,"confidence":0.094529,"tag":"pair"},
{"id":90000047,"confidence":0.342372,"tag":"Red"},
{"id":90000051,"confidence":0.206543,"tag":"repost"},
{"id":90000043,"confidence":0.206543,"tag":"sky"},
{"id":90000040,"confidence":0.206543,"tag":"video"},
{"id":90000046,"confidence":0.5101,"tag":"White"}],"comments":[{"id":70000064,"parent":0,"content":"kenn ich schon","created":1704067319,"up":12,"down":0,"confidence":0.757499,"name":"RostSalat205","mark":0}],"ts":1704067831,"cache":"item:1","rt":3,"qc":2}
"#);
}
