// Moves heads in the browser: changes arrive as raw numbers through a websocket of their own and go straight into the
// geometry and texture that viser's scene already has. viser itself can only exchange a whole textured file, which takes
// many frames and shows nothing meanwhile. Without this script the page works all the same, through such exchanges.
(() => {
  let scene = null, camera = null, renderer = null, socket = null, key = null, queue = Promise.resolve();

  // three.js announces its scenes to whoever listens under this name (it is meant for its developer tools).
  const tools = new EventTarget();
  window.__THREE_DEVTOOLS__ = tools;
  tools.addEventListener('observe', ({ detail }) => {
    if (!detail.isScene || scene !== null) return;
    scene = detail;
    scene.onBeforeRender = (...seen) => { [renderer, , camera] = seen; };
  });

  const pause = (ms) => new Promise((done) => setTimeout(done, ms));

  async function mesh(place) {
    for (let tries = 0; tries < 250; tries++) {  // viser may still be reading the file that brings it
      const found = scene?.getObjectByName(`clipface_${place}`);
      if (found?.geometry) return found;
      await pause(20);
    }
    throw new Error(`clipface: there is no head named ${place}`);
  }

  async function apply(message) {
    const size = new DataView(message).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(message, 4, size)));
    const head = await mesh(header.place);
    let offset = 4 + size;
    for (const [part, length] of header.parts) {
      const bytes = message.slice(offset, offset + length);
      offset += length;
      if (part === 'texture') {
        const image = await createImageBitmap(new Blob([bytes], { type: 'image/jpeg' }), { colorSpaceConversion: 'none' });
        head.material.map.image?.close?.();
        head.material.map.image = image;
        head.material.map.needsUpdate = true;
      } else {
        head.geometry.attributes[part].array.set(new Float32Array(bytes));
        head.geometry.attributes[part].needsUpdate = true;
      }
    }
    head.frustumCulled = false;  // its bounds are those of the first face
    if (renderer !== null) renderer.render(scene, camera);  // viser draws on demand, and has not heard of the change
    performance.mark('clipface shown');
  }

  function connect() {
    const found = document.querySelector('[data-clipface-heads]')?.dataset.clipfaceHeads ?? null;
    if (found === null || found === key) return;
    key = found;
    socket?.close();
    const mine = new WebSocket(`${location.origin.replace('http', 'ws')}${location.pathname.replace(/\/$/, '')}/${key}`);
    socket = mine;
    mine.binaryType = 'arraybuffer';
    mine.onmessage = ({ data }) => {
      queue = queue.then(() => apply(data)).then(() => mine.send('shown'), (error) => { console.warn(error); mine.send(String(error)); });
    };
  }
  setInterval(connect, 100);
})();
